"""What each field means, one sentence each: what ``kubectl explain`` shows. A table by type and wire name."""

from __future__ import annotations

from collections.abc import Mapping

_NAME_VALUE = {"name": "What is set.", "value": "What it is set to, as text."}
_TIMES = {
    "startTime": "When it began.",
    "completionTime": "When it ended; absent while it has not.",
    "lastReconcileTime": "When this status was last worked out.",
    "conditions": "What it has gone through; the last entry is the state it is in.",
}
_PRIMARY = {
    "primaryContainerName": "The container whose log is read and whose end counts; it must be in the template.",
    "primaryPodLabels": "Labels that tell the Pod to be judged from the others of the run, e.g. the master's.",
    "successCondition": "An expression over the run object: the trial has succeeded when it finds something.",
    "failureCondition": "An expression over the run object: the trial has failed when it finds something.",
}
_OBJECTIVE = "What to optimise, and which other metrics to record."

FIELDS: Mapping[str, Mapping[str, str]] = {
    "Experiment": {
        "spec": "What to tune, how, and with what: the search space, the objective, the algorithm, the trial template.",
        "status": "How far it has come: counts of trials, the best trial so far, conditions.",
    },
    "ExperimentSpec": {
        "parameters": "The search space: the parameters to tune, and the values each may take.",
        "objective": _OBJECTIVE,
        "algorithm": "The search algorithm and its settings.",
        "earlyStopping": "The rule that ends hopeless trials early; absent: none.",
        "trialTemplate": "What a trial runs: an object with placeholders for the parameters' values.",
        "parallelTrialCount": "How many trials may run at one time; absent: 3, or fewer if maxTrialCount is less.",
        "maxTrialCount": "How many trials may finish in all; absent: until the goal is reached or the space used up.",
        "maxFailedTrialCount": "With more failed trials than this the Experiment fails.",
        "metricsCollectorSpec": "How metrics get from a run to its trial; absent: from the primary container's log.",
        "nasConfig": "The search space of neural architecture search, in place of parameters.",
        "initialPoints": "Points to try before the algorithm's own.",
        "constraints": "Conditions between parameters that every point keeps, e.g. min_leaf <= min_split.",
        "resumePolicy": "Whether more trials may be asked for when it has ended: Never, LongRunning or FromVolume.",
    },
    "ObjectiveSpec": {
        "type": "Whether the metric is to become small (minimize) or large (maximize).",
        "goal": "A value that is good enough: the Experiment succeeds as soon as a trial reaches it.",
        "objectiveMetricName": "The name under which the run reports the metric to optimise.",
        "additionalMetricNames": "Names of further metrics to record with each trial.",
        "additionalObjectives": "Further metrics to optimise; status.paretoFront has the best compromises.",
        "metricStrategies": "Which of its values stands for a trial, by metric; absent: the best one by the type.",
    },
    "AdditionalObjective": {
        "type": "Whether the metric is to become small (minimize) or large (maximize).",
        "objectiveMetricName": "The name under which the run reports the metric.",
    },
    "InitialPoint": {
        "parameterAssignments": "Its values by parameter; those that are missing are drawn at random.",
    },
    "MetricStrategy": {
        "name": "The metric's name.",
        "value": "Which value stands for the trial: min, max or latest.",
    },
    "AlgorithmSpec": {
        "algorithmName": "The algorithm's name, e.g. random, grid or tpe.",
        "algorithmSettings": "Its settings, as pairs of text, e.g. random_state and 7.",
    },
    "NameValue": _NAME_VALUE,
    "ParameterSpec": {
        "name": "The parameter's name, which trialParameters refer to.",
        "parameterType": "The kind of its values: double, int, discrete (numbers of a list) or categorical (any text).",
        "feasibleSpace": "The values it may take: min and max (with a step), or a list.",
    },
    "FeasibleSpace": {
        "min": "The least value of a double or an int.",
        "max": "The greatest value of a double or an int.",
        "step": "The distance between values, counted from min; absent: 1 for an int, none for a double.",
        "list": "The values of a discrete or a categorical parameter.",
        "distribution": "How values between them are drawn: uniform, logUniform, normal or logNormal.",
    },
    "TrialTemplate": {
        "trialSpec": "The run object itself, with ${trialParameters.<name>} where a value goes.",
        "configMap": "A ConfigMap that holds the template as text, in place of trialSpec.",
        "trialParameters": "The names used in the template, and which parameter or metadata each stands for.",
        "retain": "Whether the run object and its Pods are kept when the trial has ended.",
        **_PRIMARY,
    },
    "ConfigMapSource": {
        "configMapName": "The ConfigMap's name.",
        "configMapNamespace": "The ConfigMap's namespace.",
        "templatePath": "The key in its data under which the template is.",
    },
    "TrialParameterSpec": {
        "name": "The name in the template: ${trialParameters.<name>}.",
        "description": "What it is for; only people read it.",
        "reference": "The parameter whose value it takes, or metadata such as ${trialSpec.Name}.",
    },
    "MetricsCollectorSpec": {
        "source": "Where the metrics are and what they look like.",
        "collector": "Who reads them.",
    },
    "SourceSpec": {
        "httpGet": "Where metrics are served, for the kind PrometheusMetric.",
        "fileSystemPath": "The file or directory inside the Pod, for the kinds File and TensorFlowEvent.",
        "filter": "How a metric is found in a line of text.",
    },
    "FileSystemPath": {
        "path": "The absolute path inside the Pod.",
        "kind": "Whether it is a File or a Directory.",
        "format": "Whether lines are TEXT or JSON.",
    },
    "FilterSpec": {
        "metricsFormat": "Regular expressions with two groups each: the metric's name and its value.",
    },
    "CollectorSpec": {
        "kind": "StdOut (the log), Push (the run reports itself), File, TensorFlowEvent, PrometheusMetric or Custom.",
        "customCollector": "The container that collects, for the kind Custom.",
    },
    "NasConfig": {
        "graphConfig": "The size of the graph that is filled.",
        "operations": "The kinds of layers it is filled with.",
    },
    "GraphConfig": {
        "numLayers": "How many layers there are.",
        "inputSizes": "The dimensions of the input.",
        "outputSizes": "The dimensions of the output.",
    },
    "Operation": {
        "operationType": "The kind of layer, e.g. convolution.",
        "parameters": "The layer's own search space.",
    },
    "ExperimentStatus": {
        **_TIMES,
        "observedGeneration": "The generation of the spec that this status is about.",
        "paretoFront": "With additionalObjectives: the trials that no other one betters in all of them.",
        "currentOptimalTrial": "The best trial so far, its parameters and its metrics.",
        "runningTrialList": "Names of trials that run.",
        "pendingTrialList": "Names of trials that wait to run.",
        "failedTrialList": "Names of trials that have failed.",
        "succeededTrialList": "Names of trials that have succeeded.",
        "killedTrialList": "Names of trials that were stopped because the Experiment had ended.",
        "earlyStoppedTrialList": "Names of trials that were ended early by a rule.",
        "metricsUnavailableTrialList": "Names of trials that ended without a usable value of the objective.",
        "trials": "How many trials there are.",
        "trialsSucceeded": "How many trials have succeeded.",
        "trialsFailed": "How many trials have failed.",
        "trialsKilled": "How many trials were stopped because the Experiment had ended.",
        "trialsPending": "How many trials wait to run.",
        "trialsRunning": "How many trials run.",
        "trialsEarlyStopped": "How many trials were ended early by a rule.",
        "trialMetricsUnavailable": "How many trials ended without a usable value of the objective.",
    },
    "OptimalTrial": {
        "bestTrialName": "The trial's name.",
        "parameterAssignments": "The values it was run with.",
        "observation": "The metrics it has reported.",
    },
    "Observation": {"metrics": "One entry for each metric, the objective first."},
    "Metric": {
        "name": "The metric's name.",
        "min": "Its least value over the trial, as it was logged.",
        "max": "Its greatest value over the trial, as it was logged.",
        "latest": "Its last value, as it was logged.",
    },
    "Condition": {
        "type": "What it is about, e.g. Created, Running, Succeeded or Failed.",
        "status": "Whether it holds: True, False or Unknown.",
        "reason": "Why, in one word that programs can rely on.",
        "message": "Why, in words, with what can be done about it.",
        "lastUpdateTime": "When anything about this entry last changed.",
        "lastTransitionTime": "When its status last changed.",
    },
    "Suggestion": {
        "spec": "How many points are wanted, by which algorithm.",
        "status": "The points that were found.",
    },
    "SuggestionSpec": {
        "algorithm": "The search algorithm and its settings.",
        "earlyStopping": "The rule that ends hopeless trials early; absent: none.",
        "requests": "How many points are wanted in all, those that are found included.",
        "resumePolicy": "What becomes of the search when the Experiment has ended: Never, LongRunning or FromVolume.",
    },
    "SuggestionStatus": {
        **_TIMES,
        "algorithmSettings": "Settings that the algorithm has worked out by itself and wants to see again.",
        "suggestionCount": "How many points were found in all.",
        "suggestions": "The points that were found; of many only the latest.",
    },
    "TrialAssignment": {
        "name": "The name of the trial that runs this point.",
        "parameterAssignments": "The values of its parameters.",
        "earlyStoppingRules": "When the trial is to be ended early.",
        "labels": "Labels that the trial gets.",
    },
    "EarlyStoppingRule": {
        "name": "The metric that is looked at.",
        "value": "The value it is compared with.",
        "comparison": "How it is compared: equal, less or greater.",
        "startStep": "How many values must have been reported before it is looked at.",
    },
    "Trial": {
        "spec": "What to run with which values, and how to judge it.",
        "status": "What became of it: conditions and metrics.",
    },
    "TrialSpec": {
        "objective": _OBJECTIVE,
        "parameterAssignments": "The values of the parameters that this trial tries.",
        "earlyStoppingRules": "When it is to be ended early.",
        "runSpec": "The object that is run, all values filled in.",
        "retainRun": "Whether the run object and its Pods are kept when the trial has ended.",
        "metricsCollector": "How metrics get from the run to this trial.",
        "labels": "Labels that the search algorithm has given it.",
        **_PRIMARY,
    },
    "TrialStatus": {**_TIMES, "observation": "The metrics it has reported."},
}
