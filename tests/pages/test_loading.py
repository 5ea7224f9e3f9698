"""Loading thumbnails: what is wanted, dropped and wanted again, from a source that a test answers."""

from typing import Any

from support import nodes

PAGE = """
const log = [];
const requests = [];
const source = {
  atOnce: 2,
  shape: async () => ({ first: [4, 4], second: [4, 4], regions: [] }),
  pictures: ({ name }, sides, part, size, signal) => new Promise((resolve, reject) => {
    if (signal.aborted) return reject(new Error("no longer wanted"));
    log.push(name);
    requests.push({ name, resolve, reject });
    signal.addEventListener("abort", () => reject(new Error("no longer wanted")));
  }),
};
const loading = new Loading(source, (key) => log.push(`${key} is there`));
const room = { width: 4, height: 4, ratio: 1 };
const wish = (name) => ({ key: name, row: { name, status: "same" }, room });
const want = (...names) => loading.want(names.map(wish));
const pause = () => new Promise((done) => setTimeout(done));
const picture = (text) => ({ first: { drawable: null, changed: text } });
const last = () => requests[requests.length - 1];
"""


def told(steps: str) -> Any:
    """What some steps return; `log` has the requests and what has arrived."""
    return nodes.evaluate("thumbnails/loading.js", f"(async () => {{ {PAGE} {steps} }})()")


def test_pictures_are_loaded_few_at_a_time_and_kept() -> None:
    steps = """
        want("a", "b", "c");
        await pause();
        last().resolve(picture("b"));
        await pause();
        want("b", "a", "c");
        await pause();
        return [log, loading.get("b").pictures.first.changed];
    """
    assert told(steps) == [["a", "b", "b is there", "c"], "b"]


def test_what_is_wanted_again_before_its_end_was_noticed_is_loaded_again() -> None:
    steps = """
        want("a");
        await pause();
        want("b");
        want("a");
        await pause();
        last().resolve(picture(null));
        await pause();
        return log;
    """
    assert told(steps) == ["a", "a", "a is there"]


def test_what_failed_is_told_while_it_is_wanted_and_then_tried_again() -> None:
    steps = """
        const said = () => loading.get("a")?.message ?? loading.get("a")?.pictures.first.error;
        const heard = [];
        const refuse = () => last().reject(new Error("no"));
        const answer = () => last().resolve({ first: { error: "gone" } });
        for (const end of [refuse, answer]) {
          want("a");
          await pause();
          end();
          await pause();
          want("a");
          await pause();
          heard.push(said());
          want();
          await pause();
          heard.push(said());
        }
        return [log, heard.map((text) => text ?? "")];
    """
    asked, heard = told(steps)
    assert asked == ["a", "a is there"] * 2
    assert heard == ["no", "", "gone", ""]


def test_what_was_made_of_files_that_have_changed_is_loaded_again() -> None:
    steps = """
        want("a", "b");
        await pause();
        const [a, b] = requests;
        a.resolve(picture("old"));
        await pause();
        loading.renew();
        b.resolve(picture("old"));
        const between = loading.get("a") ?? null;
        await pause();
        for (const { resolve } of requests.slice(2)) resolve(picture("new"));
        await pause();
        return [between, log, ["a", "b"].map((key) => loading.get(key)?.pictures.first.changed)];
    """
    between, asked, texts = told(steps)
    assert between is None
    assert asked[:3] == ["a", "b", "a is there"]
    assert sorted(asked[3:]) == ["a", "a is there", "b", "b is there"]
    assert texts == ["new", "new"]


def test_what_rules_tolerate_is_shown_as_what_changed() -> None:
    steps = """
        const asked = [];
        source.pictures = async ({ status }, sides) => { asked.push([status, sides]); return picture(null); };
        const rows = ["changed", "tolerated"].map((status) => ({ name: "a", status }));
        loading.want(rows.map((row) => ({ key: row.status, row, room })));
        await pause();
        return asked.sort();
    """
    sides = ["first", "second", "delta"]
    assert told(steps) == [["changed", sides], ["tolerated", sides]]
