"""The names that users' notebooks and scripts rely on."""

from importlib import import_module

import pytest

import mymodules

FACES = {
    "batch": "Progress ProgressBar Run STATUSES Stopped duration run",
    "calibration": "Calibration Page Trial calibrate trials_needed upper_bound",
    "comparison": "Job compare fault",
    "explore": "Explorer ORDERS explore load_or_run",
    "images": "Rgba blake2b decode digest format_of from_array has_low_bits inspect memory_errors"
    " read_gold_rgba read_rgba to_gold_rgba to_rgba to_rgba16",
    "looks": "ChangeClass Crop Hunk Line Look Occurrence Plan near plan",
    "metrics": "ColourMetric DiffMetrics Match Metric Similarity Tally antialiased common_size edges fuzzy"
    " gray pixel_diff sample_area similar sobel structural_similarity",
    "pairs": "LEFT_OUT Listing MATCHES MESSAGE_LIMIT NAMED Pair Pairs Selection Waiting exactly find"
    " from_text is_escaped is_listed matches sentence to_text",
    "regions": "Gatherer Region boxes_of byte_map from_pixels from_similarity threshold",
    "remote": "address check_folder check_out check_writable closed described fetch filename is_below is_out"
    " is_picture is_remote left_out new_id note_use out_url own_id picture_name place reach unfetched",
    "report": "ONE_FILE_LIMIT READ_PIXELS SCHEMA check document is_one_file junit markdown write",
    "results": "BOM CHANGE_COLUMNS COLUMNS PairResult PartialWriter Rows cells_of check_value checked_line"
    " encode format_row guard load load_changes name_if_same number_of parse_line parse_row partial_rows read"
    " read_as_written read_changes read_partial split_line table_of_changes unchecked unguard write"
    " write_changes write_parquet",
    "rules": "COLOUR_METRICS GoldFuzzy GoldSampleArea GoldSobel Limits Rule Rules WHOLE_KINDS add added"
    " checked fingerprint given of_entries parse read text_of",
    "store": "BACKGROUND FILE IDLE NOW CacheCounts DiffStore DigestFailure Match cache_counts diff_id"
    " is_diff_id is_digest push seed split_diff_id stored_path",
    "triage": "Approval DECISIONS Decisions FILE LABELS Merge Plan Restoration Row Standing Step approve"
    " merge plan restore rows",
    "workers": "Finished Job PairResult answered compare compare_image_diff compare_many compimgdiff_init"
    " died fault prepare_process serve",
}
ROOMS = {
    "errors": "ImageError MymodulesError OutputError PictureError PoolError ResultsError SettingsError"
    " StoreError",
    "look": "audit blend blended closest failures ranked sides table",
    "notify": "message slack",
    "outcome": "Outcome Pictures compare",
    "panel": "Panel panel",
    "row": "ALGORITHM COLUMNS HEADINGS PairResult STATUSES TABLE",
    "settings": "Settings current init resolve",
    "viewer": "MODES Viewer",
}


@pytest.mark.parametrize("face", FACES)
def test_a_face_exports_these_names_and_no_others(face: str) -> None:
    module = import_module(f"mymodules.{face}")
    assert sorted(module.__all__) == sorted(FACES[face].split())
    assert set(module.__all__) <= set(dir(module)), "names that are completed"
    for name in module.__all__:
        assert getattr(module, name) is not None


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_has_these_names(room: str) -> None:
    module = import_module(f"mymodules.{room}")
    assert [name for name in ROOMS[room].split() if not hasattr(module, name)] == []


def test_the_package_itself_exports_these_names() -> None:
    assert sorted(mymodules.__all__) == ["Outcome", "compare"]
    assert mymodules.compare is import_module("mymodules.outcome").compare
    assert mymodules.Outcome is import_module("mymodules.outcome").Outcome


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"mymodules\.batch.*no attribute 'runn'"):
        import_module("mymodules.batch").runn  # noqa: B018
