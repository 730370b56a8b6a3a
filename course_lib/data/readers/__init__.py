"""One module per kind of dataset: each turns verified files into inputs, targets and counted faults.

A module has one function, `read(entry, paths) -> Parts`:

- `entry` is the `Record` of the dataset; `entry.name` and `entry.member` tell several sets or members apart.
- `paths` maps each path of the registry ("fasta/FPV.fasta") to a local file whose bytes have been verified.
- What comes back is a `course_lib.registry.Parts`. Names, units, splits and the card come from the registry.

A reader writes nothing, asks no network, and prints nothing: what it left out or mended goes into `notes`,
counted, and `load` says it aloud. Archives are read in memory through `course_lib.data.archives`. Libraries
that only some lessons need (pandas, RDKit) are imported inside `read`, so that a missing one is named with
the extra that brings it.
"""
