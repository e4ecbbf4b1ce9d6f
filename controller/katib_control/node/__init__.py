"""The laptop's Job controller and kubelet: Pods as local processes, which outlive a crash of the control plane."""
