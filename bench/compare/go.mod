// The Go programs of the comparison. Standard library only: nothing is downloaded.
module compare

go 1.19
