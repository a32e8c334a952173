"""Turns guest/ into what the runtime loads: the engine, its memory images and the library scripts.

`python -m guest.build` runs it; the steps and their order are in `pipeline`. Every step is a function of its inputs
and is skipped while those are unchanged.
"""
