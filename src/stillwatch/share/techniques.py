"""Techniques: MITRE ATLAS numbers with the ids of their STIX objects, and three of our own where ATLAS has none.

A copy of an ATLAS object carries the oldest date that it can have, so that ATLAS's own object always wins.
Source: `dist/stix-atlas.json` of mitre-atlas/atlas-navigator-data, the last one, of 24 June 2026, with ATLAS 5.6.0; its
ids are version-5 UUIDs and stable.
"""

from __future__ import annotations

from typing import Final, NamedTuple

OLDEST: Final = "2021-05-13T00:00:00.000Z"
"""ATLAS's first release."""
OWN_SINCE: Final = "2026-01-01T00:00:00.000Z"


class Technique(NamedTuple):
    """A technique as ATLAS knows it; `id` is the UUID of its STIX object, `phases` its tactics, with spaces between."""

    id: str
    name: str
    phases: str


ATLAS: Final = {
    "AML.T0005.001": Technique("298dc6c6-5683-5475-b724-2a2a3db3a7dc", "Train Proxy via Replication",
                               "ai-attack-staging"),
    "AML.T0008.005": Technique("647ac4ac-b2bc-53f7-ab83-81f421a1f0b5", "AI Service Proxies", "resource-development"),
    "AML.T0012": Technique("ed66b442-059b-54cb-a806-620e6f8109a6", "Valid Accounts",
                               "initial-access privilege-escalation"),
    "AML.T0021": Technique("d3d7763a-58e1-5e38-84fd-3abea967cb08", "Establish Accounts", "resource-development"),
    "AML.T0024": Technique("85fed2c6-e2df-595e-88bf-f356a17cec21", "Exfiltration via AI Inference API", "exfiltration"),
    "AML.T0024.002": Technique("3f567912-629a-5e0b-ab0c-0102977c2d6c", "Extract AI Model", "exfiltration"),
    "AML.T0040": Technique("5ac1f849-523e-51bf-a1e9-1a97ab91cc91", "AI Model Inference API Access", "ai-model-access"),
    "AML.T0042": Technique("8981726f-193d-5528-9adf-5e4a2cebfeab", "Verify Attack", "ai-attack-staging"),
    "AML.T0048": Technique("2093defe-1976-5bca-9c88-f63072c90073", "External Harms", "impact"),
    "AML.T0048.002": Technique("d6a38c02-ad95-5958-ab29-759c0ff495ee", "Societal Harm", "impact"),
    "AML.T0048.003": Technique("154cff1b-1e2d-5437-9ec4-1812d38c8f57", "User Harm", "impact"),
    "AML.T0048.004": Technique("73772ced-edba-578c-bacd-703e082a9c57", "AI Intellectual Property Theft", "impact"),
    "AML.T0054": Technique("9bf148ad-b901-5aeb-a029-6c0a8ce0a564", "LLM Jailbreak",
                               "privilege-escalation defense-evasion"),
    "AML.T0056": Technique("b8b16dac-3b95-59f7-8bf7-60e39b0c062f", "Extract LLM System Prompt", "exfiltration"),
    "AML.T0063": Technique("727ea6be-7237-553d-a02b-416caedc37c3", "Discover AI Model Outputs", "discovery"),
    "AML.T0065": Technique("6e148299-0460-5d0b-9741-467437464d3d", "LLM Prompt Crafting", "resource-development"),
    "AML.T0069.002": Technique("40f3245e-8b7b-576e-b943-76a922da8521", "System Prompt", "discovery"),
    "AML.T0074": Technique("f2826909-8806-54da-829d-1159a3526332", "Masquerading", "defense-evasion"),
}  # fmt: skip


MITIGATIONS: Final = {
    "AML.M0002": ("8aaa7934-9c52-56f0-a48d-1f5258e4288b", "Passive AI Output Obfuscation"),
    "AML.M0004": ("1b15d839-8893-5005-aba7-62c3cc8b48ac", "Restrict Number of AI Model Queries"),
    "AML.M0019": ("9ae01d8c-c75b-5d11-944f-16edbb7d754f", "Control Access to AI Models and Data in Production"),
    "AML.M0024": ("1f45c127-eb18-5e17-a136-28ceef04edec", "AI Telemetry Logging"),
}
"""Mitigations that the practices of `posture` carry out, with the UUID of their STIX object."""

MITIGATES: Final = {
    "AML.T0024.002": ("AML.M0002", "AML.M0004", "AML.M0024"),
    "AML.T0024": ("AML.M0004", "AML.M0019", "AML.M0024"),
    "AML.T0040": ("AML.M0019", "AML.M0024"),
    "AML.T0005.001": ("AML.M0002", "AML.M0004", "AML.M0024"),
}
"""Which of them ATLAS links to which technique; it links none to linkage of accounts, campaigns or sharing."""


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
