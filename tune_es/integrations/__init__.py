"""Callbacks for trainers, over the same policies as on Ray: one module a framework.

Nothing is imported here: :mod:`tune_es.integrations.transformers`, ``lightning`` and ``keras`` each
import their own framework; ``best``, ``rates`` and ``gradients`` serve your own loop with torch.
"""
