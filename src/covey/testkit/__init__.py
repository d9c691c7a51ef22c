"""What tests and demonstrations share: simulator, playbook, traces, clusters."""

__all__: list[str] = []
