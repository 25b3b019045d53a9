"""Prove: whether marks will prove anything when a suspect model appears."""

from __future__ import annotations

from stillwatch.posture.facts import Facts, Told, judged, lacking, unseen


def commit_tracers(facts: Facts, limit: float) -> Told:
    """Judge whether every epoch of every tracer key was committed to."""
    house = facts.house
    if house.tracer_trouble:
        return lacking(house.tracer_trouble, "restore the directory of tracer keys from a copy")
    if house.cards is None:
        return unseen("no directory of tracer keys was named", "name it with `--keys DIR`")
    epochs = [f"{card.id} epoch {epoch.number}" for card in house.cards for epoch in card.epochs]
    if not epochs:
        return lacking("there is no tracer key", "`stillwatch tracer make house --house --keys DIR`, then commit")
    open_ = [one for one in epochs if one not in house.committed]
    told = f"{len(open_)} of {len(epochs)} epochs of keys are not committed to"
    return judged(len(open_) <= limit, told, "`stillwatch tracer commit --keys DIR`, and publish the root")
