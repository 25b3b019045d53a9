"""Judge: what a group is called, and how sure of it one may be.

Two errors are told apart. *Coincidence*: the members of a group have nothing to do with each other; this is bounded by
e-values and e-BH (`examine`), and what has passed is made up of its members one by one (`admit`, `settle`, `gather`).
*Innocence*: they are linked, and honest; this has no null, and is weighed by competing explanations, each named
(`readings`). Three axes are shown and never summed: scale, deception and intent; each passes on its own (`axes`).
"""
