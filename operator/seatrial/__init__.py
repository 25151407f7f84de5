"""The operator: what turns a ModelDeployment into a served model."""
