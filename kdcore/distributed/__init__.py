"""One job in several processes: the same losses, weights and records as in one process with the same batches."""

from kdcore.distributed.evaluation import dealt as dealt
from kdcore.distributed.evaluation import in_order as in_order
from kdcore.distributed.features import gathered as gathered
from kdcore.distributed.group import Group as Group
from kdcore.distributed.group import Solo as Solo
from kdcore.distributed.launching import launch as launch
from kdcore.distributed.norms import synchronised as synchronised
from kdcore.distributed.places import Place as Place
from kdcore.distributed.places import open_group as open_group
from kdcore.distributed.share import Share as Share
