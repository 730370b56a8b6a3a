"""What happened in each epoch, as a list and as a table."""

from course_lib.training import History


def test_a_history_is_a_list_with_a_table():
    records = [{"epoch": e, "train_loss": 1 / e, "valid_loss": None, "<b>": 1.0} for e in (1, 2, 3)]
    history = History(records)
    assert history == records
    lines = history.table().splitlines()
    assert lines[0].split() == ["epoch", "train", "loss", "valid", "loss", "<b>"]
    assert lines[3].split() == ["3", "0.3333", "–", "1"]
    assert len({len(line) for line in lines}) == 1
    page = history._repr_html_()
    assert page.count("<tr>") == 4
    assert "&lt;b&gt;" in page
    assert "<b>" not in page


def test_a_long_history_shows_twenty_lines_with_both_ends():
    history = History({"epoch": e} for e in range(1, 501))
    lines = history.table().split()
    assert len(lines) == 21
    assert (lines[1], lines[-1]) == ("1", "500")
    assert History().table() == "no epoch yet"
