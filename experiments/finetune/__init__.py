"""Fine-tuning of text classifiers as a Ray Tune trainable.

Nothing is imported here, so that `experiments.finetune.tasks` (the standard library only) can be
read without torch or transformers. Start from:

- `tasks.load_task`: a data set by name, as a `Task`;
- `encoding.encode_task`: the task as token ids, done once for a whole sweep;
- `trainable.finetune`: the function for `ray.tune.Tuner`;
- `loop.run`: the same training outside Ray, reporting to any function.
"""
