"""Link: which owners act as one. One file per view, each looking from one side only.

A member keeps the promises of `model.view.View`. Bits have rarity built in: a value that everybody has weighs
nothing by arithmetic. A value that many hold is never paired; it proposes one group and is tested as one.
"""
