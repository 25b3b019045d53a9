"""Know: whether accounts tell who signed up."""

from __future__ import annotations

from stillwatch.posture.facts import NO_ACCOUNTS, NO_TRAFFIC, Facts, Told, judged, lacking, of, unseen
from stillwatch.posture.traffic import PROVEN


def know_payment(facts: Facts, limit: float) -> Told:
    """Judge the share of accounts with a payment instrument."""
    share = facts.filled("payment")
    if share is None or facts.accounts is None:
        return NO_ACCOUNTS
    told = f"{of(share, 1)} of {len(facts.accounts):,} accounts with a payment instrument"
    return judged(share >= limit, told, "export the payment provider's fingerprint as `payment`")


def know_sign_up(facts: Facts, limit: float) -> Told:
    """Judge whether accounts tell how they were opened."""
    shares = {name: facts.filled(name) for name in ("created_at", "device", "referrer")}
    if facts.accounts is None or None in shares.values():
        return NO_ACCOUNTS
    scarce = [name for name in ("created_at", "device") if (shares[name] or 0.0) < limit]
    scarce += ["referrer"] if not shares["referrer"] else []  # most customers come by themselves
    told = ", ".join(f"{name} for {of(share or 0.0, 1)}" for name, share in shares.items())
    return judged(not scarce, f"{told} of {len(facts.accounts):,} accounts", f"export {', '.join(scarce)} too")


def know_closed(facts: Facts, limit: float) -> Told:
    """Judge whether closed accounts are kept."""
    share = facts.filled("closed_at")
    if share is None or facts.accounts is None:
        return NO_ACCOUNTS
    closed = round(share * len(facts.accounts))
    after = "export closed accounts too, with `closed_at`; if none was ever closed, this will be met with the first one"
    return judged(closed > limit, f"{closed:,} of {len(facts.accounts):,} accounts are closed ones", after)


def verify_programmes(facts: Facts, limit: float) -> Told:
    """Judge the share of programme accounts that are verified by more than an e-mail address."""
    table = facts.accounts
    if table is None:
        return NO_ACCOUNTS
    if "programme" not in table.column_names or table["programme"].null_count == len(table):
        return unseen("no account is in a programme", "export `programme`, if you have education or startup programmes")
    how = table["verification"].to_pylist() if "verification" in table.column_names else [None] * len(table)
    inside = [one for one, programme in zip(how, table["programme"].to_pylist(), strict=True) if programme]
    proven = sum(one in PROVEN for one in inside)
    told = (
        f"{of(proven, len(inside))} of {len(inside):,} accounts in programmes are verified by phone, card or identity"
    )
    return judged(proven >= limit * len(inside), told, "ask for a proof at sign-up, and of those that are in already")


def verify_volume(facts: Facts, limit: float) -> Told:
    """Judge the share of exchanges that come from verified accounts."""
    if facts.traffic is None:
        return NO_TRAFFIC
    if facts.accounts is None:
        return NO_ACCOUNTS
    if not facts.filled("verification"):
        return lacking("no account says how it was verified", "export `verification`: none, email, phone, card or kyc")
    told = f"{of(facts.traffic.proven, facts.traffic.exchanges)} of {facts.traffic.exchanges:,} exchanges"
    after = "verify who sends much, with time to do it; a rung of the ladder does it: `stillwatch order plan challenge`"
    return judged(
        facts.traffic.proven >= limit * facts.traffic.exchanges, f"{told} come from accounts so verified", after
    )
