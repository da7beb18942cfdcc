"""The well log of a network: depth is the order of execution, the loss lies at total depth."""
