"""The model registry: MLflow versions with the aliases champion, challenger and previous.

The only file that imports MLflow's registry. A reader loads ``models:/NAME@champion`` and gets a
whole, valid version at every instant: moving an alias is one write.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from driftune.errors import ServiceUnavailable, UsageError
from driftune.tracking import global_uri, open_client

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlflow import MlflowClient
    from mlflow.models.model import ModelInfo
    from pandas import DataFrame
    from sklearn.pipeline import Pipeline

CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous"
RETUNE_TAG, PROOF_TAG = "driftune.retune_id", "driftune.proof"
CHANGE_TAG = "driftune.change"  # of the registered model: a change of champion that is under way


@dataclass(frozen=True)
class Registry:
    """Versions of one problem's model.

    Attributes:
        uri: MLflow's tracking URI; the registry lives in the same store.
        name: The registered model's name, which is the problem's.
    """

    uri: str
    name: str

    @property
    def client(self) -> MlflowClient:
        """A client of the registry."""
        return open_client(self.uri)

    def register(
        self,
        model: Pipeline,
        example: DataFrame,
        *,
        run_id: str,
        retune_id: str,
        tags: dict[str, str],
        proof: Pipeline | None = None,
    ) -> int:
        """Store a fitted pipeline as a new version with the alias ``challenger``.

        The same retune registers once: a second call returns the version of the first.

        Args:
            model: Fitted scikit-learn pipeline that takes the raw features; what will serve.
            example: A few rows of features, shape ``(n, features)``; gives the signature too.
            run_id: MLflow run that the model belongs to.
            retune_id: Idempotency key.
            tags: Data version, study, commit and the like, as strings.
            proof: The same configuration fitted without the promotion rows, for the gate; it lies
                beside the version and never serves. None: ``model`` has not learned from them.
        """
        version = self.version_of_retune(retune_id)
        if version is None:
            made = {RETUNE_TAG: retune_id}
            if proof is not None:
                made[PROOF_TAG] = self._log_model(proof, example, run_id, "proof").model_uri
            version = self._make_version(self._log_model(model, example, run_id), run_id, made)
        for key, value in tags.items():
            self.client.set_model_version_tag(self.name, str(version), key, value)
        self.client.set_registered_model_alias(self.name, CHALLENGER, str(version))
        return version

    def _log_model(
        self, model: Pipeline, example: DataFrame, run_id: str, name: str = "model"
    ) -> ModelInfo:
        """Write a model into the run's artifacts; only the one that serves carries the example."""
        import mlflow
        from mlflow.models import infer_signature

        whole = example.select_dtypes("integer").columns
        example = example.astype(dict.fromkeys(whole, "float64"))  # so that they may be missing
        with global_uri(self.uri), mlflow.start_run(run_id=run_id):
            return mlflow.sklearn.log_model(
                model,
                name=name,
                signature=infer_signature(example, model.predict(example)),
                input_example=example if name == "model" else None,
                serialization_format="cloudpickle",  # skops refuses LightGBM inside a pipeline
                pip_requirements=_requirements(model),
            )

    def _make_version(self, info: ModelInfo, run_id: str, tags: dict[str, str]) -> int:
        self._ensure_registered()
        made = self.client.create_model_version(
            self.name, info.model_uri, run_id=run_id, tags=tags, model_id=info.model_id
        )
        return int(made.version)

    def _ensure_registered(self) -> None:
        from mlflow.exceptions import MlflowException

        try:
            self.client.create_registered_model(self.name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def version_of(self, alias: str) -> int | None:
        """Return the version that an alias points to, or ``None``."""
        from mlflow.exceptions import MlflowException

        try:
            return int(self.client.get_model_version_by_alias(self.name, alias).version)
        except MlflowException as error:
            if error.error_code in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
                return None
            raise ServiceUnavailable(  # its own text has the whole address in it
                f"The MLflow registry does not answer ({error.error_code}); check"
                " MLFLOW_TRACKING_URI."
            ) from None

    def version_of_retune(self, retune_id: str) -> int | None:
        """Return the version that a retune registered, or ``None``."""
        query = f"name='{self.name}' and tag.`{RETUNE_TAG}`='{retune_id}'"
        found = self.client.search_model_versions(query)
        return int(found[0].version) if found else None

    def versions(self) -> list[int]:
        """Return all versions, oldest first."""
        found = self.client.search_model_versions(f"name='{self.name}'")
        return sorted(int(version.version) for version in found)

    def tags(self, version: int) -> dict[str, str]:
        """Return the tags of a version.

        Raises:
            UsageError: There is no such version.
        """
        from mlflow.exceptions import MlflowException

        try:
            return dict(self.client.get_model_version(self.name, str(version)).tags)
        except MlflowException:
            raise UsageError(
                f"There is no version {version} of {self.name!r}; there are {self.versions()}."
            ) from None

    def tag(self, version: int, **tags: str) -> None:
        """Add tags to a version; dots in a name are written as double underscores."""
        for key, value in tags.items():
            self.client.set_model_version_tag(
                self.name, str(version), key.replace("__", "."), value
            )

    def run_id(self, version: int) -> str:
        """Return the MLflow run that a version came from."""
        return str(self.client.get_model_version(self.name, str(version)).run_id)

    def load(self, version: int) -> Any:
        """Load a version as the scikit-learn pipeline that was registered: the one that serves."""
        return _load(self.uri, f"models:/{self.name}/{version}")

    def load_proof(self, version: int) -> Any:
        """Load the model that the gate may judge: it has not learned from the promotion rows.

        The serving model itself, where the version was registered without another one.
        """
        proof = self.tags(version).get(PROOF_TAG)
        return _load(self.uri, proof) if proof else self.load(version)

    def promote(self, version: int) -> int | None:
        """Make ``version`` the champion; the old one becomes ``previous``.

        ``previous`` moves first: killed between the two writes, the champion still serves, and a
        second call ends in the same state.

        Returns:
            The version that was champion before (``None`` for the first).
        """
        self.tags(version)  # refuses a version that does not exist
        before = self.version_of(CHAMPION)
        if before == version:
            return self.version_of(PREVIOUS)
        if before is not None:
            self.client.set_registered_model_alias(self.name, PREVIOUS, str(before))
        self.client.set_registered_model_alias(self.name, CHAMPION, str(version))
        self.withdraw(version)
        return before

    def announce(self, change: dict[str, Any]) -> None:
        """Write down a change of the champion before it is made, so that others can finish it."""
        self.client.set_registered_model_tag(self.name, CHANGE_TAG, json.dumps(change))

    def announced(self) -> dict[str, Any] | None:
        """Return the change that was announced and not yet forgotten, or ``None``."""
        from mlflow.exceptions import MlflowException

        try:
            told = self.client.get_registered_model(self.name).tags.get(CHANGE_TAG)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise
        return json.loads(told) if told else None

    def forget_announcement(self) -> None:
        """Say that the announced change is made and on record."""
        self.client.delete_registered_model_tag(self.name, CHANGE_TAG)

    def withdraw(self, version: int) -> None:
        """Take the alias ``challenger`` from a version that was rejected."""
        if self.version_of(CHALLENGER) == version:
            self.client.delete_registered_model_alias(self.name, CHALLENGER)


@lru_cache(maxsize=6)  # loading takes most of a watch tick; what a number names never changes
def _load(uri: str, model_uri: str) -> Any:
    import mlflow

    with global_uri(uri):
        return mlflow.sklearn.load_model(model_uri)


def _requirements(model: Any) -> list[str]:
    """Pin what the pipeline needs when it is loaded; MLflow's own guess runs the model to see."""
    from importlib.metadata import version

    last = model.steps[-1][1] if hasattr(model, "steps") else model
    modules = {kind.__module__.partition(".")[0] for kind in type(last).__mro__}
    homes = _packages()
    families = {name for module in modules for name in homes.get(module, ())}
    packages = {"scikit-learn", "pandas", "numpy", "cloudpickle"} | families
    return [f"{package}=={version(package)}" for package in sorted(packages)]


@lru_cache(maxsize=1)
def _packages() -> Mapping[str, list[str]]:
    """Return the distributions of each module; a look at all that is installed takes seconds."""
    from importlib.metadata import packages_distributions

    return packages_distributions()
