"""Policy: what evaluations that come through the server may do, as `infra/policy.yaml` says."""
