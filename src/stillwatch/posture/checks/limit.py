"""Limit: what everybody gets, and so a campaign too."""

from __future__ import annotations

from stillwatch.posture.facts import NO_TRAFFIC, Facts, Told, judged, lacking, met, unseen


def close_logprobs(facts: Facts, limit: float) -> Told:
    """Judge whether log-probabilities are open to accounts without a grant."""
    log = facts.traffic
    if log is None:
        return NO_TRAFFIC
    if "top_logprobs" not in log.columns and "temperature" not in log.columns:
        return unseen("the log does not tell what was asked for", "log request parameters first: log-sampling")
    told = f"{log.logprobs:,} exchanges with log-probabilities were answered, of {log.logprobs_accounts:,} accounts "
    after = "refuse log-probabilities, or ask for a grant: `stillwatch grant issue`; harden takes them out for suspects"
    return judged(log.logprobs <= limit, f"{told}without a grant", after)


def few_choices(facts: Facts, limit: float) -> Told:
    """Judge the largest number of choices that was answered."""
    log = facts.traffic
    if log is None:
        return NO_TRAFFIC
    if "n" not in log.columns and "temperature" not in log.columns:
        return unseen("the log does not tell what was asked for", "log request parameters first: log-sampling")
    told = f"the largest `n` that was answered is {max(log.most_choices, 1)}"
    return judged(log.most_choices <= limit, told, f"cap `n` at {limit:g} for accounts without a grant")


def summarise_reasoning(facts: Facts, limit: float) -> Told:
    """Judge whether reasoning is delivered raw, by how long it is beside its tokens."""
    log = facts.traffic
    if log is None:
        return NO_TRAFFIC
    if not log.reasoning_tokens:
        if "reasoning" in log.columns:
            return unseen("reasoning is delivered, and its tokens are not logged", "log `reasoning_tokens` too")
        if "reasoning_tokens" in log.columns:
            return met("reasoning is billed, and none stands in the log as delivered")
        return unseen("no reasoning stands in the log", "log `reasoning` as delivered and `reasoning_tokens`")
    each = log.reasoning_bytes / log.reasoning_tokens
    told = f"{each:.1f} bytes were delivered for each token of reasoning, in {log.reasoned:,} exchanges"
    after = "deliver summaries; harden withholds reasoning from suspects: `stillwatch order plan harden`"
    return judged(each <= limit, told, after)


def limit_rate(facts: Facts, limit: float) -> Told:
    """Judge whether anybody is ever refused for speed."""
    log = facts.traffic
    if log is None:
        return NO_TRAFFIC
    told = f"{log.refused:,} exchanges were refused with 429; the most that one account sent in a minute is"
    told = f"{told} {log.busiest:,}"
    if log.refused:
        return met(told)
    if log.busiest > limit:
        return lacking(told, f"limit every account to {limit:g} requests a minute, or to what its plan says")
    return unseen(told, "log refused requests too, or send a test account faster than its limit")
