"""Techniques: MITRE ATLAS numbers with the ids of their STIX objects, and three of our own where ATLAS has none.

A copy of an ATLAS object carries the oldest date that it can have, so that ATLAS's own object always wins.
Source: mitre-atlas/atlas-data 5.6.0, `stix-atlas.json`; ids are version-5 UUIDs and stable.
"""

from __future__ import annotations

from typing import Final, NamedTuple

OLDEST: Final = "2021-05-13T00:00:00.000Z"
"""ATLAS's first release."""
OWN_SINCE: Final = "2026-01-01T00:00:00.000Z"


class Technique(NamedTuple):
    """A technique as others know it; `id` is the UUID of its STIX object."""

    id: str
    name: str


ATLAS: Final = {
    "AML.T0024.002": Technique("3f567912-629a-5e0b-ab0c-0102977c2d6c", "Extract AI Model"),
    "AML.T0024": Technique("85fed2c6-e2df-595e-88bf-f356a17cec21", "Exfiltration via AI Inference API"),
    "AML.T0040": Technique("5ac1f849-523e-51bf-a1e9-1a97ab91cc91", "AI Model Inference API Access"),
    "AML.T0008.005": Technique("647ac4ac-b2bc-53f7-ab83-81f421a1f0b5", "AI Service Proxies"),
    "AML.T0065": Technique("6e148299-0460-5d0b-9741-467437464d3d", "LLM Prompt Crafting"),
    "AML.T0054": Technique("9bf148ad-b901-5aeb-a029-6c0a8ce0a564", "LLM Jailbreak"),
    "AML.T0021": Technique("d3d7763a-58e1-5e38-84fd-3abea967cb08", "Establish Accounts"),
    "AML.T0012": Technique("ed66b442-059b-54cb-a806-620e6f8109a6", "Valid Accounts"),
    "AML.T0005.001": Technique("298dc6c6-5683-5475-b724-2a2a3db3a7dc", "Train Proxy via Replication"),
    "AML.T0056": Technique("b8b16dac-3b95-59f7-8bf7-60e39b0c062f", "Extract LLM System Prompt"),
    "AML.T0048.004": Technique("73772ced-edba-578c-bacd-703e082a9c57", "AI Intellectual Property Theft"),
}


class Gap(NamedTuple):
    """A technique that ATLAS lacks; `nearest` is the ATLAS technique that it would stand under."""

    name: str
    description: str
    nearest: str
    phase: str


GAPS: Final = {
    "reasoning-harvest": Gap(
        "Reasoning Harvest",
        "The adversary makes the model spell out its reasoning over many prompts that never repeat, or asks for the "
        "reasons behind given answers, in order to train another model on the traces.",
        "AML.T0024.002", "exfiltration",
    ),
    "bulk-account-fraud": Gap(
        "Bulk Account Fraud",
        "The adversary opens or buys many accounts under separate identities that are worked by one hand, so that "
        "each of them stays below what a single account would be noticed for.",
        "AML.T0021", "resource-development",
    ),
    "safety-stripping": Gap(
        "Safety Stripping",
        "The adversary gathers answers, or rewritten answers, with which a model can be trained to do without the "
        "safeguards of the model that gave them.",
        "AML.T0048.004", "impact",
    ),
}  # fmt: skip
