"""From labels of one's own to the best model that some minutes buy: `api.finetune`.

`given` finds out what the labels are and holds a part back, `starts` knows the network that weights are of, `plan` writes the
recipe, which is an ordinary one, and `api` trains, evaluates and exports by it.
"""
