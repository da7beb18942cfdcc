"""What watching a training run costs, beside the same run unwatched and beside other tools.

One process per contender, all pinned to the same core, take turns in short blocks of steps: what
slows the machine down slows all of them down. Each block of a contender is paired with a block of
the bare run right next to it, before and after it in turn.
"""
