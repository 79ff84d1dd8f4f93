"""Kedro's settings of this project."""

from pipelines.hooks import ProgressHooks, RefusalHooks

HOOKS = (RefusalHooks(), ProgressHooks())
DISABLE_HOOKS_FOR_PLUGINS = ("kedro_mlflow",)  # we log to MLflow ourselves; its defaults break runs
CONFIG_LOADER_ARGS = {"base_env": "base", "default_run_env": "local"}
