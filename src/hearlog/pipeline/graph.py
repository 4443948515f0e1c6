"""The stages of the pipeline and what each needs, as DVC has them."""

from __future__ import annotations

import networkx as nx
from dvc.dvcfile import PROJECT_FILE
from dvc.exceptions import DvcException
from dvc.repo import Repo, lock_repo
from dvc.repo.reproduce import collect_stages, get_active_graph, plan_repro
from dvc.stage import Stage as DvcStage

from hearlog.pipeline.schedule import Stage
from hearlog.util.errors import InputError


def open_repo() -> Repo:
    """Open DVC's repository of this folder; close it after use.

    Raises
    ------
    InputError
        If there is none.
    """
    try:
        return Repo(_wait_for_lock=True)
    except DvcException as error:
        raise InputError(f"{error}. Run it in hearlog's folder") from error


def read_stages(repo: Repo) -> dict[str, Stage]:
    """Read the stages that a plain `dvc repro` would go through, in its order.

    Raises
    ------
    InputError
        If DVC cannot read the pipeline.
    """
    try:
        with lock_repo(repo):
            graph = get_active_graph(repo.index.graph)  # an edge points from a stage to one that it needs
            order = plan_repro(graph, collect_stages(repo, [PROJECT_FILE]))
            graph = graph.subgraph(order)
            return {stage.addressing: _stage(graph, stage) for stage in order}
    except DvcException as error:
        raise InputError(f"{error}. `dvc status` says more") from error


def _stage(graph: nx.DiGraph, stage: DvcStage) -> Stage:
    needs = frozenset(needed.addressing for needed in graph.successors(stage))
    alone = len(nx.ancestors(graph, stage)) + len(nx.descendants(graph, stage)) == len(graph) - 1
    # Without its outputs a stage is out of date: on a fresh clone nothing has to be hashed to know it.
    outdated = not all(out.exists for out in stage.outs) or bool(stage.status())
    return Stage(needs, alone, outdated)
