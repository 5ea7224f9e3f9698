"""The examples of how ``compare`` runs on build servers."""

import shlex
from pathlib import Path
from typing import Any

import check_jsonschema
import pytest
import yaml

from mymodules.cli.parser import parser

EXAMPLES = Path(__file__).resolve().parents[2] / ".ci" / "examples"


@pytest.mark.parametrize(
    ("name", "schema", "right", "wrong"),
    [
        ("github-actions.yml", "vendor.github-workflows", "runs-on: ubuntu-latest", "runs_on: ubuntu-latest"),
        ("gitlab-ci.yml", "vendor.gitlab-ci", "when: always", "when: whenever"),
    ],
)
def test_examples_follow_the_schemas_of_their_servers(
    tmp_path: Path, name: str, schema: str, right: str, wrong: str
) -> None:
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    assert text.count(right) == 1
    spoilt = tmp_path / name
    spoilt.write_text(text.replace(right, wrong), encoding="utf-8")
    for path, code in ((EXAMPLES / name, 0), (spoilt, 1)):
        with pytest.raises(SystemExit) as end:  # the package brings the schemas along, and needs no network
            check_jsonschema.main(["--builtin-schema", schema, str(path)])
        assert end.value.code == code


def read(name: str) -> Any:
    return yaml.load((EXAMPLES / name).read_text(encoding="utf-8"), Loader=yaml.BaseLoader)


def commands(lines: list[str]) -> list[Any]:
    """The parsed calls of our command among these lines of a shell."""
    calls = [shlex.split(line, comments=True) for line in lines]
    return [parser().parse_args(call[1:]) for call in calls if call[0] == "mymodules"]


def check_files(options: Any, kept: str) -> None:
    """Raise if a file of this call is not in the folder that the build server keeps."""
    paths = options.json, options.junit, options.markdown, options.report
    assert {Path(path).parts[0] for path in paths} == {options.out} == {kept.rstrip("/")}
    assert options.check is True
    assert options.store == "none"


def test_the_example_for_github() -> None:
    workflow = read("github-actions.yml")
    assert workflow.keys() == {"name", "on", "permissions", "jobs"}
    assert workflow["on"].keys() == {"pull_request"}
    (job,) = workflow["jobs"].values()
    assert job.keys() == {"runs-on", "env", "steps"}
    for step in job["steps"]:
        assert len({"run", "uses"} & step.keys()) == 1
        assert step.keys() <= {"name", "if", "uses", "with", "run"}
    (options,) = commands([step["run"] for step in job["steps"] if "run" in step])
    upload = job["steps"][-1]
    assert upload["uses"].startswith("actions/upload-artifact@")
    assert upload["if"] == "${{ !cancelled() }}"  # also after a difference
    check_files(options, upload["with"]["path"])


def test_the_example_for_gitlab() -> None:
    (job,) = read("gitlab-ci.yml").values()
    assert job.keys() == {"image", "rules", "variables", "before_script", "script", "artifacts"}
    assert all(isinstance(line, str) for line in (*job["before_script"], *job["script"]))
    (options,) = commands(job["script"])
    artifacts = job["artifacts"]
    assert artifacts["when"] == "always"
    assert artifacts["reports"] == {"junit": options.junit}
    (path,) = artifacts["paths"]
    check_files(options, path)
    assert options.markdown_link == f"$CI_JOB_URL/artifacts/raw/{options.out}"
