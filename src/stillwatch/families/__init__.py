"""Families: which exchanges grew from one template.

A frame (fixed text) shows as a bundle of fingerprints that occur in the same exchanges; what varies between
them is the slot. Heavy fingerprints are found by counting, bundled by the sets of exchanges that they occur in,
and an exchange belongs to the frames of which it contains at least half. All steps are linear in the traffic;
memory is a counting table plus some 100 bytes for each heavy fingerprint. Nothing here opens a text.

Steps: `tally.Tally` (count) → `heavy.Heavy` (choose, with a sketch of each one's exchanges) → `bundle.bundles` →
`assign.assign`.
"""
