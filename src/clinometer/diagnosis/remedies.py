"""What might help, in words: one short line a remedy, with the change that it asks for."""

from __future__ import annotations

REMEDIES = {
    # initialisation
    "scale-init": "initialise with nn.init.kaiming_normal_ (ReLU) or nn.init.xavier_normal_ (tanh, sigmoid)",
    "random-init": "draw the weights at random (nn.init.kaiming_normal_) instead of one constant",
    "fitted-init": "scale each layer's first weights to outputs of RMS 1 on one batch, layer by layer (LSUV)",
    "orthogonal-init": "initialise the recurrent weight with nn.init.orthogonal_",
    "forget-bias": "start the forget gate open: set its bias to 1 or 2",
    "reset-dead-units": "initialise the dead units again; nothing else revives them",
    # architecture
    "change-activation": "use nn.ReLU or nn.GELU in place of sigmoid or tanh between layers; "
    "nn.LeakyReLU where ReLUs die",
    "add-nonlinearity": "put an activation (nn.ReLU()) between the linear layers",
    "add-normalisation": "add nn.BatchNorm1d/2d or nn.LayerNorm after each weight layer",
    "add-residual": "add skip connections: x = x + block(x)",
    "gated-cell": "use nn.LSTM or nn.GRU in place of nn.RNN",
    "shorter-sequences": "cut the sequences or pool over time: fewer steps between cause and effect",
    "attention": "let the output attend to all time steps, not to the last one alone",
    "scale-attention": "divide the attention logits by sqrt(d) (F.scaled_dot_product_attention does)",
    "qk-normalisation": "normalise queries and keys (nn.LayerNorm on each) before their product",
    "group-normalisation": "use nn.GroupNorm or nn.LayerNorm, which do not depend on the batch",
    "remove-normalisation": "take out the normalisation of a single value, or normalise over more of them",
    # output and loss
    "logits-with-matching-loss": "give raw logits to nn.CrossEntropyLoss or "
    "nn.BCEWithLogitsLoss: no softmax, no sigmoid",
    "linear-output": "take away the activation behind the last layer: its range does not hold the targets",
    "one-unit-per-class": "give the last layer as many outputs as there are classes",
    "sigmoid-for-one-unit": "for one output unit use nn.BCEWithLogitsLoss, no softmax",
    "softmax-over-entries": "take the softmax over the axis of what it weighs (time steps, readings), "
    "not over one entry",
    "softmax-over-classes": "take the softmax over the axis of the classes (dim=1 or dim=-1)",
    # data
    "standardise-input": "standardise the inputs: (x - mean) / std of each feature, from the training data",
    "standardise-target": "standardise the target: (y - mean) / std, and undo it on the predictions",
    "inspect-batch": "look at the batch of that step: an outlier, a wrong label, an empty target?",
    "larger-batch": "use batches of at least 8 to 16 examples, and drop_last=True",
    # the step
    "lower-rate": "divide the learning rate by 10",
    "raise-rate": "raise the learning rate tenfold, and again until the loss moves",
    "warm-up": "let the learning rate grow from 0 over the first few hundred steps",
    "clip-gradient": "clip: nn.utils.clip_grad_norm_(model.parameters(), 1.0) before optimizer.step()",
    "change-optimizer": "use torch.optim.AdamW(lr=1e-3), whose steps do not shrink with the gradient",
    "smaller-epsilon": "lower the optimizer's eps (1e-8 or less), or do not scale the loss down",
    # number formats
    "fp32-master-weights": "keep the weights in float32 and use torch.autocast for the forward pass",
    "stochastic-rounding": "use an optimizer that rounds bfloat16 weights stochastically (torchao has them)",
    "kahan-summation": "use an optimizer with Kahan summation, which carries what rounding drops",
    "bfloat16": "use torch.bfloat16 in place of float16: it has the range of float32",
    "loss-scaling": "scale the loss with torch.amp.GradScaler",
    "guard-root": "keep roots and logarithms off 0: torch.sqrt(x.clamp_min(torch.finfo(x.dtype).tiny))",
    # wiring
    "own-parameters": "give them to the optimizer, after all layers exist: "
    "torch.optim.AdamW(model.parameters())",
    "unfreeze-parameters": "set requires_grad_(True) on these parameters",
    "reconnect-graph": "take out what cuts the graph: detach(), .data, .item(), no_grad(), argmax, NumPy",
    "zero-gradients": "call optimizer.zero_grad() before each backward()",
    "step-optimizer": "call optimizer.step() after backward()",
    "training-mode": "call model.train() before training; model.eval() only to evaluate",
    # confidence
    "fit-temperature": "divide the logits by one temperature, fitted on rows that were not trained on",
    "weight-decay": "let the weights pay for their size: torch.optim.AdamW(..., weight_decay=0.01)",
    "smooth-labels": "smooth the labels a little: nn.CrossEntropyLoss(label_smoothing=0.1)",
    "stop-earlier": "keep the weights of the evaluation pass of the least refinement, and stop there",
    "more-rows": "evaluate more rows, fresh ones: only they can support a higher confidence",
    "check-split": "compare training and evaluation rows: same preprocessing, label numbers, source?",
    # the recording
    "record-more": "record more: clinometer run --every 1 looks at every step",
    "larger-interval": "observe less often: clinometer run --every 500",
}  # fmt: skip


def in_words(remedy: str) -> str:
    """A remedy as one imperative line; of a name that is not ours, the name.

    >>> in_words("lower-rate")
    'divide the learning rate by 10'
    >>> in_words("somebody-else's")
    "somebody-else's"
    """
    return REMEDIES.get(remedy, remedy)
