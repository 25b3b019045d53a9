"""Hunt: whether anybody looks for campaigns."""

from __future__ import annotations

from stillwatch.posture.facts import Facts, Told, judged, lacking, unseen


def hunt_often(facts: Facts, limit: float) -> Told:
    """Judge how old the live state is, which a hunt leaves behind."""
    house = facts.house
    after = "`stillwatch hunt`, then `stillwatch state export CASE`, on a timer of a week or less"
    if house.place is None:
        return unseen("no state directory was named", "name the one of your servers: `--state DIR`")
    if house.state_trouble:
        return lacking(house.state_trouble, after)
    if house.state_made is None:
        return lacking(f"there is no live state in {house.place}", after)
    days = (facts.now - house.state_made).days
    return judged(days <= limit, f"the last hunt's state was made {days:,} days ago", after)
