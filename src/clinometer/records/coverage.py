"""What is observed in which situation: the table behind `clinometer doctor --coverage`.

Each cell is what a test shows today, not what is wished for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Level = Literal["observed", "partly", "not observed"]
LEVELS: tuple[str, ...] = get_args(Level)


@dataclass(frozen=True)
class Situation:
    """One row of the table.

    Attributes
    ----------
    name : what the training does
    layers : whether the calls of its layers, their gradients and what follows from them are recorded
    parameters : whether the motion of its parameters is
    why : what exactly is, or is not, in one line
    test : the test that shows it, as pytest names it; without [...], all its cases do
    """

    name: str
    layers: Level
    parameters: Level
    why: str
    test: str


HERE = "tests/test_coverage.py::"
WATCH = "tests/test_untouched_watch.py::"
STORE = "tests/test_store_"

# fmt: off
BY_TOPIC: dict[str, tuple[Situation, ...]] = {
    "Models and optimizers": (
        Situation(
            "one model, one optimizer", "observed", "observed",
            "every layer, parameter, step and loss",
            HERE + "test_one_model_with_one_optimizer",
        ),
        Situation(
            "several models, an optimizer each", "observed", "partly",
            "the first one is the clock: a later one's step stands in the next row, its last in none",
            HERE + "test_several_models",
        ),
        Situation(
            "one model, several optimizers", "observed", "partly",
            "the first one is the clock: a later one's step stands in the next row, its last in none",
            HERE + "test_several_optimizers",
        ),
        Situation(
            "GAN", "partly", "partly",
            "the generator's layers are read off the graph, one step late; its very last step is not kept",
            HERE + "test_a_generator_learns_through_its_discriminator",
        ),
        Situation(
            "no optimizer object", "partly", "partly",
            "layers read off the graph: weights by name, activations as calls; no formula for the step",
            HERE + "test_weights_moved_by_hand",
        ),
        Situation(
            "closures (LBFGS)", "observed", "partly",
            "layers of all evaluations in a step; what the weight moved by, but not what was intended",
            HERE + "test_closures",
        ),
        Situation(
            "optimizer in backward", "observed", "observed",
            "a step is one backward pass, whichever parameters it steps",
            HERE + "test_each_parameter_is_stepped_inside_the_backward_pass",
        ),
        Situation(
            "gradient accumulation", "observed", "observed",
            "all micro-batches of a step together",
            HERE + "test_micro_batches_are_added_up",
        ),
        Situation(
            "several losses", "observed", "observed",
            "all backward passes of a step together, on chosen leaves and several roots too",
            HERE + "test_several_losses_on_one_graph",
        ),
        Situation(
            "a model called twice in a step", "observed", "observed",
            "each call has its own row: name, name#2 ...",
            HERE + "test_each_call_of_a_model_has_a_row",
        ),
        Situation(
            "a scalar model", "observed", "observed",
            "one number as weight, loss and batch without axes",
            HERE + "test_a_model_of_one_number",
        ),
        Situation(
            "ten thousand layers", "observed", "observed",
            "every layer, at a cost in proportion",
            WATCH + "test_ten_thousand_layers_are_watched_in_reasonable_time",
        ),
        Situation(
            "another model trains beside the watched one", "not observed", "not observed",
            "watch records its own model only; run records all",
            WATCH + "test_the_same_watch_cannot_record_another_model_by_accident",
        ),
        Situation(
            "a copy of the watched model", "not observed", "not observed",
            "a copy bears nothing of ours, and what it learns is not recorded in its model's name",
            WATCH + "test_a_copy_is_not_recorded_in_the_name_of_its_model",
        ),
        Situation(
            "two recorders at once", "observed", "observed",
            "each writes the same into a file of its own",
            WATCH + "test_two_watches_of_one_model_record_the_same",
        ),
    ),
    "Precision and clipping": (
        Situation(
            "GradScaler with a skipped step", "observed", "observed",
            "gradients without the loss scale; a skipped step says so and has no step to show",
            HERE + "test_a_scaled_loss_and_a_skipped_step",
        ),
        Situation(
            "autocast", "observed", "observed",
            "root mean squares of what was really computed, in its own precision",
            HERE + "test_autocast",
        ),
        Situation(
            "pure bfloat16", "observed", "observed",
            "lost steps bit for bit",
            HERE + "test_bfloat16_loses_steps_and_it_shows",
        ),
        Situation(
            "clipping by norm", "observed", "observed",
            "gradient before and after, total norm and factor",
            HERE + "test_clipping_by_norm",
        ),
        Situation(
            "clipping by value", "observed", "observed",
            "gradient before and after; there is no one factor",
            HERE + "test_clipping_by_value",
        ),
        Situation(
            "clipping by hand", "observed", "observed",
            "gradient before and after, whatever changed it",
            HERE + "test_clipping_by_hand",
        ),
    ),
    "Parameters": (
        Situation(
            "tied parameters", "observed", "observed",
            "one parameter, with its other names",
            HERE + "test_tied_weights_are_one_parameter_with_two_names",
        ),
        Situation(
            "frozen parameters", "observed", "observed",
            "the layer's gradient; the parameter is flagged as not trainable",
            HERE + "test_a_frozen_layer_between_trained_ones",
        ),
        Situation(
            "layers below the lowest trained one", "not observed", "observed",
            "no gradient reaches them, and what they put out is not recorded; flags only",
            HERE + "test_no_gradient_reaches_the_frozen_beginning_of_a_network",
        ),
        Situation(
            "parameters unfrozen in the run", "observed", "observed",
            "from the step on in which they are trained",
            HERE + "test_a_layer_that_is_thawed_is_seen_from_then_on",
        ),
        Situation(
            "sparse gradients", "observed", "partly",
            "gradient and stored step; SparseAdam's intended step is not worked out",
            HERE + "test_sparse_gradients",
        ),
        Situation(
            "layers in a plain list", "observed", "observed",
            "found by their parameters, named as the list names them",
            HERE + "test_layers_that_no_module_registers",
        ),
        Situation(
            "bare tensors as parameters", "observed", "observed",
            "named after a global variable of the script, else parameter_1 ...",
            HERE + "test_bare_tensors",
        ),
        Situation(
            "parameters replaced in the run", "observed", "observed",
            "the new tensor goes on under the old name",
            HERE + "test_parameters_are_followed_when_they_are_replaced",
        ),
        Situation(
            "complex parameters", "partly", "not observed",
            "gradient at the layer; of the parameter only whether it was trained and had a gradient",
            HERE + "test_complex_parameters",
        ),
        Situation(
            "weights computed anew (parametrizations)", "partly", "observed",
            "the layer is a function call named after the parametrization; its input is not measured",
            HERE + "test_parametrized_weights",
        ),
    ),
    "Evaluation and recomputation": (
        Situation(
            "evaluation under no_grad", "observed", "observed",
            "never recorded as training",
            HERE + "test_evaluation_is_not_recorded_as_training",
        ),
        Situation(
            "evaluation with gradients enabled", "observed", "observed",
            "a pass that is not propagated back is not recorded",
            HERE + "test_a_pass_that_is_never_propagated_is_not_recorded",
        ),
        Situation(
            "evaluation that propagates (saliency)", "partly", "partly",
            "its loss and gradients count with the next step's",
            HERE + "test_a_backward_pass_between_steps_counts_with_the_next_step",
        ),
        Situation(
            "checkpointing, non-reentrant", "observed", "observed",
            "all layers; the saturation of modules, not of function calls",
            HERE + "test_checkpointing_without_reentry",
        ),
        Situation(
            "checkpointing, reentrant", "partly", "observed",
            "all layers, but not where a segment hangs together with the rest",
            HERE + "test_checkpointing_with_reentry",
        ),
    ),
    "Processes and threads": (
        Situation(
            "data-loader workers (fork)", "observed", "observed",
            "the training process; workers never write",
            HERE + "test_forked_workers_and_the_steps_beside_them",
        ),
        Situation(
            "data-loader workers (spawn)", "observed", "observed",
            "the training process; workers never write",
            HERE + "test_spawned_workers",
        ),
        Situation(
            "a forked child that trains", "not observed", "not observed",
            "a child never writes into its parent's recording",
            HERE + "test_what_a_forked_child_trains_is_not_recorded",
        ),
        Situation(
            "processes that the script starts", "not observed", "not observed",
            "start them with `clinometer run` to record them",
            HERE + "test_a_process_that_the_script_starts_is_not_recorded",
        ),
        Situation(
            "training in one thread of its own", "observed", "observed",
            "as in the main thread",
            HERE + "test_training_in_a_thread",
        ),
        Situation(
            "several threads that train at once", "partly", "partly",
            "the first that trains is recorded while it lives, and no other beside it",
            HERE + "test_one_of_several_threads_that_train_at_once_is_recorded",
        ),
    ),
    "Compilers": (
        Situation(
            "torch.compile(model)", "observed", "observed",
            "layers by running the batch again eagerly (the report says so); parameters always",
            HERE + "test_a_compiled_model_is_run_again_eagerly",
        ),
        Situation(
            "model.compile()", "observed", "observed",
            "layers by running the batch again eagerly (the report says so); parameters always",
            HERE + "test_a_model_compiled_in_place_is_run_again_eagerly",
        ),
        Situation(
            "a compiled part of a model", "partly", "observed",
            "the layers around it; inside it none (the report says so)",
            HERE + "test_the_layers_of_a_compiled_part_are_not_seen",
        ),
        Situation(
            "a compiled function (loss or whole step)", "not observed", "observed",
            "no layer inside it; parameters as ever",
            HERE + "test_the_layers_in_a_compiled_function_are_not_seen",
        ),
        Situation(
            "TorchScript", "partly", "observed",
            "function calls in its graph until PyTorch fuses them; then nothing inside it",
            HERE + "test_scripted_layers_are_seen_only_until_they_are_fused",
        ),
    ),
    "Several devices": (
        Situation(
            "DistributedDataParallel, --every N", "observed", "observed",
            "every rank looks; merged figures equal those of one process",
            "tests/test_two_ranks.py::test_root_mean_squares_are_those_of_the_whole_batch",
        ),
        Situation(
            "DistributedDataParallel, by budget", "partly", "observed",
            "rank 0 looks, at its own examples; gradients of parameters are the same on all",
            HERE + "test_by_budget_only_rank_0_looks",
        ),
        Situation(
            "FSDP (DTensor parameters)", "observed", "not observed",
            "layers of the rank's own examples; reading a sharded parameter would need all ranks at once",
            HERE + "test_sharded_parameters_are_not_read",
        ),
        Situation(
            "DataParallel", "partly", "observed",
            "as one model on one device; with replicas on several it has not been checked",
            HERE + "test_data_parallel_on_one_device",
        ),
    ),
    "Gradients by other ways": (
        Situation(
            "torch.func transforms", "not observed", "observed",
            "what the optimizer takes and does; no loss and no layer",
            HERE + "test_functional_transforms",
        ),
        Situation(
            "torch.autograd.grad without backward", "not observed", "observed",
            "what the optimizer takes and does; no loss and no layer",
            HERE + "test_gradients_that_are_asked_for",
        ),
        Situation(
            "second-order gradients", "observed", "observed",
            "what the penalty adds to a layer's gradient is in its figures",
            HERE + "test_what_a_penalty_on_the_gradient_adds_is_in_the_figures",
        ),
    ),
    "Parts of networks": (
        Situation(
            "F.relu, torch.sigmoid, ... as functions", "observed", "observed",
            "gradient and saturation, named after the layer before and the function",
            HERE + "test_a_functional_activation_has_gradient_and_saturation",
        ),
        Situation(
            "functional calls in place", "observed", "observed",
            "as their twins that are not in place",
            HERE + "test_an_activation_in_place_is_seen_like_any_other",
        ),
        Situation(
            "x * torch.sigmoid(x)", "partly", "observed",
            "gradient before and behind the whole; no saturation",
            HERE + "test_an_activation_of_several_functions_is_one_place",
        ),
        Situation(
            "custom autograd.Function", "partly", "observed",
            "gradient before and behind it; no saturation",
            HERE + "test_a_function_with_its_own_backward",
        ),
        Situation(
            "residual joins", "observed", "observed",
            "share and direction of each branch's gradient",
            HERE + "test_the_ways_of_the_gradient_through_a_residual_block",
        ),
        Situation(
            "normalisation layers", "observed", "observed",
            "input, output and gradient",
            HERE + "test_a_normalisation_layer",
        ),
        Situation(
            "normalisation as a function", "partly", "observed",
            "gradient; it is not known as a normalisation",
            HERE + "test_a_functional_normalisation_is_a_place_without_a_role",
        ),
        Situation(
            "nn.MultiheadAttention", "observed", "observed",
            "its linear maps, and the entropy of its weights",
            HERE + "test_the_parts_of_an_attention_module",
        ),
        Situation(
            "scaled_dot_product_attention", "observed", "observed",
            "entropy and largest logit",
            HERE + "test_fused_attention",
        ),
        Situation(
            "attention by softmax", "partly", "observed",
            "entropy; the logits are not kept",
            HERE + "test_attention_by_hand_has_entropy_but_no_logit",
        ),
        Situation(
            "nn.RNN and nn.GRU by time step", "observed", "observed",
            "gradient by time lag at every eighth observation, from a run of the layer alone",
            HERE + "test_a_recurrent_layer_by_time",
        ),
        Situation(
            "nn.LSTM by time step", "observed", "observed",
            "gradient by time lag at every eighth observation, from a run of the layer alone",
            HERE + "test_an_lstm_by_time",
        ),
        Situation(
            "loops over a cell, by lag", "observed", "observed",
            "gradient by time lag, from its calls",
            HERE + "test_a_cell_in_a_loop_by_lag",
        ),
        Situation(
            "packed sequences", "partly", "observed",
            "the layer as a whole; not by time lag",
            HERE + "test_a_packed_sequence_is_one_layer_without_lags",
        ),
        Situation(
            "embeddings", "observed", "observed",
            "output and gradient; whole numbers have no root mean square",
            HERE + "test_an_embedding",
        ),
        Situation(
            "the script's own hooks", "observed", "observed",
            "they run as ever; what they change is seen as it is",
            HERE + "test_hooks_of_the_script_s_own",
        ),
    ),
    "Ends and faults": (
        Situation(
            "an exception, sys.exit, Ctrl-C", "observed", "observed",
            "every step; the recording says how the run ended",
            "tests/test_untouched_scripts.py::test_a_script_ends_in_its_own_way[exception]",
        ),
        Situation(
            "kill -9, os._exit", "observed", "observed",
            "every observation; up to some seconds of the scalars of other steps are lost",
            "tests/test_untouched_scripts.py::test_a_script_ends_in_its_own_way[kill]",
        ),
        Situation(
            "a kill at any byte of the file", "observed", "observed",
            "the longest whole beginning is read, or the file is refused",
            STORE + "damage.py::test_a_thousand_damages_give_a_whole_prefix_or_an_error",
        ),
        Situation(
            "a full disk", "partly", "partly",
            "recording stops with one warning, training goes on; what was written stays readable",
            STORE + "writer.py::test_a_full_disk_ends_the_recording_with_one_warning_and_keeps_what_is_there",
        ),
        Situation(
            "a clock that jumps", "observed", "observed",
            "times are kept as the clock gave them",
            STORE + "writer.py::test_numbers_that_no_clock_should_give_are_kept",
        ),
        Situation(
            "a fault of Clinometer's own", "partly", "partly",
            "swallowed and noted in the report; training goes on untouched",
            WATCH + "test_a_fault_of_ours_never_reaches_the_training",
        ),
        Situation(
            "a model copied, pickled, saved, moved", "observed", "observed",
            "nothing of ours is in the copy or the file",
            WATCH + "test_a_model_is_copied_and_saved_as_if_it_were_not_watched",
        ),
    ),
}
# fmt: on
SITUATIONS = tuple(situation for rows in BY_TOPIC.values() for situation in rows)
