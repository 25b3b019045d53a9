"""Page: `docs/scorecard.md` and its pictures, from whatever cells there are; missing ones are said, never guessed."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from pathlib import Path
from statistics import median

from scorecard import compared, evasion, plan, work
from scorecard.counting import Cell, bounded, campaigns, exactly, limits, of, pooled, share, table
from stillwatch.kit.intervals import upper_limit

LESSONS = Path(__file__).parent / "lessons.md"
BASE = 100_000


def read(out: Path) -> list[Cell]:
    """Read the cells that were measured with this code, or all where there are none."""
    every = [json.loads(path.read_bytes()) for path in sorted((out / "cells").rglob("*.json"))]
    return [cell for cell in every if cell["digest"] == work.digest()] or every


def write(out: Path, docs: Path) -> None:
    """Write the page and its pictures; the page last, and aside first."""
    cells = read(out)
    if not cells:
        raise SystemExit(f"no cells in {out}: `python bench/scorecard run --out {out}` makes them")
    images = docs / "images"
    images.mkdir(parents=True, exist_ok=True)
    pictures = {"recall-by-mix.svg": compared.picture(cells), "cost-to-evade.svg": evasion.picture(out)}
    for name, picture in pictures.items():
        if picture:
            (images / name).write_text(picture, "utf-8")
    sections = [
        _head(cells), _glance(cells), _kinds(cells), _first(cells), _false(cells), _rates(cells), _alerts(cells),
        _sweeps(cells), _without(cells), compared.section(cells), _base_rate(cells), evasion.section(out),
        LESSONS.read_text("utf-8"),
    ]  # fmt: skip
    aside = docs / "scorecard.md.aside"
    aside.write_text("\n".join(section for section in sections if section), "utf-8")
    aside.replace(docs / "scorecard.md")


def _head(cells: list[Cell]) -> str:
    main = of(cells, "main")
    seeds = sorted({cell["seed"] for cell in main})
    codes = sorted({cell["digest"] for cell in cells})
    report = (
        "report seeds" if seeds and seeds[0] >= plan.REPORT else "tuning seeds: figures to work with, not to report"
    )
    worlds = {(cell["group"], cell["label"], cell["seed"]): cell for cell in cells}
    planned = sum(len(unit.variants) for unit in plan.units())
    part = "" if len(cells) >= planned else f" **A part of the plan so far: {len(cells)} of {planned} cells.**"
    mixed = "" if len(codes) == 1 else f" **The cells come from {len(codes)} states of the code.**"
    return f"""# Scorecard

What stillwatch finds on the [practice ground](explanation/practice-ground.md), what it misses, and whom it accuses
wrongly. Made by `python bench/scorecard page --out DIR` from {len(cells)} cells, measured by `python bench/scorecard run --out DIR`
with stillwatch {cells[0]["version"]} (code {", ".join(f"`{code}`" for code in codes)}) until {max(cell["at"] for cell in cells)}.{part}{mixed}
{len(worlds)} worlds, {sum(cell["exchanges"] for cell in worlds.values()):,} exchanges; the main table has {len(seeds)} {"seed" if len(seeds) == 1 else "seeds"}
({f"{seeds[0]} to {seeds[-1]}" if seeds else "none"}, {report}). Intervals are exact (Clopper and Pearson, 95 %).

Everything here is simulated. Base rates are far from life, texts are from grammars, and the same hands wrote the ground and
the detector; a third of every parameter's range, and some templates, were kept for these seeds.
"""  # noqa: E501


def _glance(cells: list[Cell]) -> str:
    main, quiet = of(cells, "main"), of(cells, "quiet")
    if not main:
        return ""
    every = campaigns(main)
    found = sum(one["found"] for one in every)
    right, named, planted = pooled([c for c in every if c["found"]], "account")
    all_right, _, all_planted = pooled(every, "account")
    mixed = [c for c in every if c["kind"] == "hydra_reseller"]
    stream = pooled([c for c in mixed if c["found"]], "exchange")
    false, entries = bounded(main + quiet)
    operations = [cell["score"]["entries_per_operation"] for cell in main if cell["score"]["entries_per_operation"]]
    accused = sum(bool(cell["score"]["entries_bounded"]) for cell in quiet)
    month = [a["share"] for cell in of(cells, "month", "replay") for a in cell["replay"]["alerts"].values()]
    seen = [value if value is not None else 1.0 for value in month]
    none = "not measured yet"
    bound = f"{share(accused, len(quiet))} ({accused} of {len(quiet)}; upper 95 % bound" if quiet else none
    rows = [
        ("campaigns found", "≥ 0.95", exactly(found, len(every))),
        ("false entries among findings (asked 0.05)", "≤ 0.05", exactly(false, entries)),
        (
            "worlds without a campaign that have any finding",
            "≤ 0.05",
            f"{bound} {upper_limit(accused, len(quiet)):.3f})" if quiet else none,
        ),
        ("account precision, of campaigns found", "≥ 0.99", share(right, named)),
        ("account recall, of campaigns found", "≥ 0.85", share(right, planted)),
        ("account recall, of all campaigns", "", share(all_right, all_planted)),
        ("exchange precision inside mixed accounts", "≥ 0.95", share(stream[0], stream[1])),
        ("exchange recall inside mixed accounts", "", share(stream[0], stream[2])),
        ("entries to a found operation", "≤ 1.3", f"{sum(operations) / len(operations):.2f}" if operations else "-"),
        (
            "share harvested at first alert, 1,000 accounts over 44 days (median)",
            "< 0.05",
            f"{median(seen):.3f} ({len(seen)} campaigns)" if seen else none,
        ),
    ]
    return "## At a glance\n\n" + table(["figure", "wanted", "measured"], rows)


def _kinds(cells: list[Cell]) -> str:
    told = _by_kind(campaigns(of(cells, "main")))
    if not told:
        return ""
    return (
        "## Each kind of campaign\n\nPrecision and recall over the campaigns that were found, pooled over seeds. A"
        f" network attributes no exchanges.\n\n{told}"
    )


def _first(cells: list[Cell]) -> str:
    """Tell of the first practice world: two harvests, a reseller, and the six look-alikes that accuse most easily."""
    some = of(cells, "first")
    if not some:
        return ""
    every = campaigns(some)
    right, named, planted = pooled([one for one in every if one["found"]], "account")
    false, entries = bounded(some)
    found = sum(one["found"] for one in every)
    return (
        f"## The first practice world\n\n{len(some)} worlds of `stillwatch sim first`: found {found} of {len(every)},"
        f" account precision {share(right, named)}, account recall {share(right, planted)},"
        f" false entries {false} of {entries}.\n\n{_by_kind(every)}"
    )


def _by_kind(every: list[Cell]) -> str:
    groups: dict[str, list[Cell]] = defaultdict(list)
    for campaign in every:
        groups[campaign["kind"]].append(campaign)
    rows = []
    for kind, members in sorted(groups.items()):
        found = [one for one in members if one["found"]]
        right, named, planted = pooled(found, "account")
        lines = pooled(found, "exchange")
        low = [one["accounts"]["recall"] for one in found]
        rows.append((
            f"`{kind}`", f"{len(found)}/{len(members)}", limits(len(found), len(members)),
            sum(one["as_planted"] for one in members), share(right, named), share(right, planted),
            f"{min(low):.2f} to {max(low):.2f}" if low else "-", share(lines[0], lines[1]), share(lines[0], lines[2]),
        ))  # fmt: skip
    if not rows:
        return ""
    head = [
        "kind", "found", "95 % interval", "with the planted finding", "account precision", "account recall",
        "its spread over seeds", "exchange precision", "exchange recall",
    ]  # fmt: skip
    return table(head, rows)


def _false(cells: list[Cell]) -> str:
    some = of(cells, "main") + of(cells, "quiet")
    if not some:
        return ""
    hits: Counter[tuple[str, str]] = Counter()
    for cell in some:
        for one in cell["score"]["false_campaigns"]:
            hits[(one["hit"] or "nobody planted").rpartition("-")[0] or "nobody planted", one["finding"]] += 1
    text = f"## Whom it accused wrongly\n\nFalse entries in {len(some)} worlds (`main` and `quiet`).\n\n"
    if not hits:
        return text + "None.\n"
    return text + table(["hit", "finding", "entries"], [(f"`{k}`", f, n) for (k, f), n in hits.most_common()])


def _rates(cells: list[Cell]) -> str:
    rows = []
    for asked, variant in ((0.05, "hunt"), *((fdr, f"fdr {fdr}") for fdr in plan.FDRS)):
        main, quiet = of(cells, "main", variant), of(cells, "quiet", variant)
        if not main and not quiet:
            continue
        false, entries = bounded(main)
        accused = sum(bool(cell["score"]["entries_bounded"]) for cell in quiet)
        told = campaigns(main)
        rows.append((
            asked, f"{false}/{entries}", share(false, entries), limits(false, entries),
            f"{accused}/{len(quiet)}", f"{upper_limit(accused, len(quiet)):.3f}" if quiet else "-",
            share(sum(one["found"] for one in told), len(told)),
        ))  # fmt: skip
    head = [
        "asked", "false entries (`main`)", "measured", "95 % interval", "worlds without a campaign, accused",
        "upper 95 % bound", "campaigns found",
    ]  # fmt: skip
    return "## False discoveries, asked and measured\n\n" + table(head, rows) if rows else ""


def _alerts(cells: list[Cell]) -> str:
    groups: dict[str, list[float]] = defaultdict(list)
    missed: Counter[str] = Counter()
    for cell in of(cells, "main", "replay") + of(cells, "month", "replay"):
        for name, alert in cell["replay"]["alerts"].items():
            kind = name.rpartition("-")[0]
            kind = f"{kind}, 1,000 accounts over 44 days" if cell["group"] == "month" else kind
            if alert["share"] is None:
                missed[kind] += 1
            groups[kind].append(1.0 if alert["share"] is None else alert["share"])
    rows = [
        (f"`{kind}`" if "," not in kind else kind, len(some), f"{median(some):.3f}",
         f"{min(some):.3f} to {max(some):.3f}", missed[kind])
        for kind, some in sorted(groups.items())
    ]  # fmt: skip
    if not rows:
        return ""
    days, month = (", ".join(str(day) for day in some) for some in (plan.REPLAY, plan.MONTH))
    return (
        f"## How much was harvested at the first alert\n\nThe log is hunted as it was after days {days} (of 14), and"
        f" for the long campaign after days {month} (of 44). A campaign not found by the last of them counts as 1.\n\n"
        + table(["kind", "campaigns", "median share", "from … to", "not found by then"], rows)
    )


REWORDED = (
    "share of harvested requests that are worded anew around their task (60 accounts, 6 a day, among 14 ordinary"
    " ones). The tasks stay: they come from grammars of a few sentences to a domain and are recognised by those, so"
    " this is the easy half of paraphrasing; real tasks (`--texts`) are the other"
)
SWEEPS: tuple[tuple[str, str, str], ...] = (
    ("mix", "Mix share", "share of a reseller's traffic that is extraction (100 accounts, 20 exchanges a day each)"),
    ("few", "Harvested exchanges per account", "in 14 days, beside some 40 ordinary ones (100 accounts)"),
    ("accounts", "Accounts", "10 harvested exchanges a day each"),
    ("rate", "Harvested exchanges per account and day", "60 accounts"),
    ("paraphrase", "Paraphrase", REWORDED),
)


def _order(label: str) -> float:
    return float(label.split(maxsplit=1)[0])


def _sweeps(cells: list[Cell]) -> str:
    out = []
    for group, title, told in SWEEPS:
        rows = []
        for label in sorted({cell["label"] for cell in cells if cell["group"] == group}, key=_order):
            some = of(cells, group, "hunt", label)
            main = [one for one in campaigns(some) if one["kind"] in ("hydra_reseller", "harvester")]
            found = [one for one in main if one["found"]]
            whole = [one for one in main if one["as_planted"]]
            right, named, _ = pooled(main, "account")
            planted = pooled(main, "account")[2]
            lines = pooled(found, "exchange")
            false, _ = bounded(some)
            rows.append((
                label, f"{len(found)}/{len(main)}", limits(len(found), len(main)), f"{len(whole)}/{len(main)}",
                share(right, named), share(right, planted), share(lines[0], lines[1]), share(lines[0], lines[2]), false,
            ))  # fmt: skip
        if rows:
            head = [
                title.lower(), "found", "95 % interval", "as a campaign", "account precision", "account recall",
                "exchange precision", "exchange recall", "false entries",
            ]  # fmt: skip
            out.append(f"### {title}\n\n{told[0].upper()}{told[1:]}.\n\n" + table(head, rows))
            if group == "mix":
                out.append("![Recall against mix share](images/recall-by-mix.svg)\n")
    return "## One lever at a time\n\n" + "\n".join(out) if out else ""


def _without(cells: list[Cell]) -> str:
    head = ["what is missing", "worlds", "campaigns found", "with everything", "false entries", "account recall"]
    rows = []
    names = [
        *plan.MISSING,
        "metadata only",
        *(f"{how} {view}" for how in ("without", "alone") for view in plan.views()),
    ]
    for name in names:
        some = of(cells, "main", name)
        if not some:
            continue
        same = {(cell["label"], cell["seed"]) for cell in some}
        whole = [cell for cell in of(cells, "main") if (cell["label"], cell["seed"]) in same]
        mine, theirs = campaigns(some), campaigns(whole)
        false, _ = bounded(some)
        right, _, planted = pooled(mine, "account")
        how, _, view = name.partition(" ")
        told = {"without": f"the view `{view}`", "alone": f"every view but `{view}`"}.get(how, name)
        rows.append((
            told, len(some), share(sum(c["found"] for c in mine), len(mine)),
            share(sum(c["found"] for c in theirs), len(theirs)), false, share(right, planted),
        ))  # fmt: skip
    if not rows:
        return ""
    return (
        "## When something is missing\n\nOn the same worlds, with everything and without. No view condemns by itself:"
        " an account enters a group by two views or by handover, so one view alone finds nothing, except handover."
        " What is found all the same needs no group: customers in the open, and grants.\n\n" + table(head, rows)
    )


def _base_rate(cells: list[Cell]) -> str:
    quiet, main = of(cells, "quiet"), of(cells, "main")
    if not quiet or not main:
        return ""
    false, _ = bounded(quiet)
    accounts = sum(cell["accounts"] for cell in quiet)
    days = quiet[0]["days"]
    every = campaigns(main)
    recall = sum(one["found"] for one in every) / len(every)
    rows = []
    for name, each in (("measured", false / accounts), ("upper 95 % bound", upper_limit(false, accounts))):
        wrong = each * BASE
        rows.append((
            name, f"{wrong:.1f}", f"{wrong / days:.2f}", f"{(wrong + recall) / days:.2f}",
            f"{recall / (recall + wrong):.2f}",
        ))  # fmt: skip
    head = ["", f"false findings of {BASE:,} accounts in {days} days", "a day", "alerts a day in all", "PPV"]
    return (
        f"## At a base rate of one campaign to {BASE:,} accounts\n\nReckoned from {accounts:,} accounts of worlds"
        f" without a campaign, most of which are look-alikes: real traffic has far fewer of them to an account, so this"
        f" is the hard case. Recall {recall:.2f}.\n\n" + table(head, rows)
    )
