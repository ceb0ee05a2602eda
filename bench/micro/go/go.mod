// Go's named micro-benchmarks, as bench/micro has them for weft. Standard library only.
module micro

go 1.19
