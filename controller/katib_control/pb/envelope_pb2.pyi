from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class SuggestionsEnvelope(_message.Message):
    __slots__ = ("experiment", "trials", "current_request_number", "total_request_number", "pending", "index", "ordered")
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    TRIALS_FIELD_NUMBER: _ClassVar[int]
    CURRENT_REQUEST_NUMBER_FIELD_NUMBER: _ClassVar[int]
    TOTAL_REQUEST_NUMBER_FIELD_NUMBER: _ClassVar[int]
    PENDING_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    ORDERED_FIELD_NUMBER: _ClassVar[int]
    experiment: _containers.RepeatedScalarFieldContainer[bytes]
    trials: _containers.RepeatedScalarFieldContainer[bytes]
    current_request_number: int
    total_request_number: int
    pending: _containers.RepeatedScalarFieldContainer[bytes]
    index: int
    ordered: bool
    def __init__(self, experiment: _Optional[_Iterable[bytes]] = ..., trials: _Optional[_Iterable[bytes]] = ..., current_request_number: _Optional[int] = ..., total_request_number: _Optional[int] = ..., pending: _Optional[_Iterable[bytes]] = ..., index: _Optional[int] = ..., ordered: bool = ...) -> None: ...
