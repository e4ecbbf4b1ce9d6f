"""From a Pod's container to the process to start: program, arguments, environment, directory. Writes nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from katib_control.node import quantity
from katib_control.node.attempt import START_ERROR
from katib_control.node.environment import Machine, complete, environment
from katib_control.node.expansion import expand
from katib_control.node.protocol import MARK, Launch
from katib_control.node.sources import ContainerError, Pod, Sources
from katib_control.node.volumes import Mount, mounts, rewrite

COMMAND_MISSING = "CommandMissing"
_PYTHON = ("python", "python3")


def launch(
    pod: Pod, container: Mapping[str, Any], key: str, *, places: Mapping[str, str], sources: Sources, machine: Machine
) -> tuple[Launch, list[Mount]]:
    """Return the process of a container and its mounts.

    Raises NotYet when a ConfigMap or Secret is missing, ContainerError when it cannot be started as it is written.
    """
    name = container["name"]
    if not container.get("command"):
        raise ContainerError(
            COMMAND_MISSING,
            f'container "{name}" has no command, and images are not used on this machine, so that the entrypoint of '
            f'"{container.get("image", "")}" is not known: set `command` in the template',
        )
    defined = environment(pod, container, sources, machine)
    mounted = mounts(container, places, defined)
    words = [*container["command"], *(container.get("args") or ())]
    argv = [rewrite(expand(str(word), defined), mounted) for word in words]
    own = {key: rewrite(value, mounted) for key, value in defined.items()}
    env = complete(own, container, machine) | {MARK: key}
    directory = _directory(container, mounted, machine)
    program = find(argv[0], env.get("PATH", ""), directory, machine.python)
    if program == machine.python and program != argv[0]:
        argv[0] = program  # a virtual environment's interpreter knows itself by its own path
    memory = ((container.get("resources") or {}).get("limits") or {}).get("memory")
    limit = int(quantity.parse(memory)) if memory is not None else 0
    return Launch(key=key, program=program, argv=argv, env=env, directory=directory, memory=limit), mounted


def find(command: str, path: str, directory: str, python: str) -> str:
    """Return the file to run; raise ContainerError with the places that were searched.

    ``python`` and ``python3`` are the interpreter of the control plane, also under an absolute path that is not there.
    """
    if os.path.basename(command) in _PYTHON and ("/" not in command or not os.path.exists(command)):
        return python
    if "/" in command:
        full = os.path.join(directory, command)
        if not os.path.isfile(full):
            raise ContainerError(
                START_ERROR,
                f'exec: "{command}": no such file on this machine (images are not used here): install it, or name '
                "another command in the template",
                127,
            )
        if not os.access(full, os.X_OK):
            raise ContainerError(START_ERROR, f'exec: "{full}": permission denied: make it executable (chmod +x)', 126)
        return full
    for folder in path.split(os.pathsep):
        full = os.path.join(directory, folder, command)
        if folder and os.path.isfile(full) and os.access(full, os.X_OK):
            return full
    raise ContainerError(
        START_ERROR,
        f'exec: "{command}": executable file not found in $PATH ({path}); images are not used on this machine: install '
        "it, or set PATH in the container's env",
        127,
    )


def _directory(container: Mapping[str, Any], mounted: list[Mount], machine: Machine) -> str:
    wanted = container.get("workingDir")
    if not wanted:
        return machine.directory
    directory = os.path.join(machine.directory, rewrite(wanted, mounted))
    if not os.path.isdir(directory) and not any(directory.startswith(item.real) for item in mounted):
        raise ContainerError(
            START_ERROR,
            f'workingDir "{wanted}" of container "{container["name"]}" does not exist on this machine (images are not '
            "used here): create it, mount a volume there, or leave workingDir out",
        )
    return directory
