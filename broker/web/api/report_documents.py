"""What the API's reports are made of, for its description: the day, and what was refused."""

from __future__ import annotations

from pydantic import BaseModel, Field

from broker.web.api.documents import AT, Time, shown_document


class DayOfOneDocument(BaseModel):
    """The day of one modality or printer."""

    name: str
    films: int
    films_by_hour: list[int] = Field(description="the oldest hour first")
    mean_s: float | None = Field(description="seconds from success to a printer's acceptance")
    longest_s: float | None


class DayOfModalityDocument(DayOfOneDocument):
    """The day of one modality; `name` is its AE title."""

    calling_nickname: str = Field(description="what people call it; empty: it has no nickname")


class DayDocument(BaseModel):
    """Films of the last 24 hours."""

    model_config = shown_document(
        began_at=AT,
        modalities=[
            {
                "name": "CT1",
                "films": 3,
                "films_by_hour": [0] * 23 + [3],
                "mean_s": 4.5,
                "longest_s": 7.25,
                "calling_nickname": "CT, ground floor",
            }
        ],
        printers=[],
    )
    began_at: Time | None
    modalities: list[DayOfModalityDocument]
    printers: list[DayOfOneDocument]


class RefusedCallerDocument(BaseModel):
    """Who was refused, as often as it was for one kind of reason."""

    calling_ae: str = Field(description="empty: none was given, or several are counted together")
    calling_nickname: str = Field(description="what people call it; empty: it has no nickname")
    host: str = Field(description="its address; empty for the others together")
    number: int
    first_at: Time | None
    last_at: Time | None
    last_why: str
    last_called_ae: str
    last_status: str
    last_attribute: str
    printed_at: Time | None = Field(description="when a film of it was accepted last")
    printed_since: bool | None = Field(
        description="whether that was after the refusal; null: it never printed"
    )


class RefusedKindDocument(BaseModel):
    """One kind of reason for which something was refused."""

    model_config = shown_document(
        kind="wrong called AE title",
        number=1,
        first_at=AT,
        last_at=AT,
        last_peer="CT2@10.0.0.9",
        last_address="10.0.0.9:4000",
        last_called_ae="BROKR",
        remedy="The modality calls another AE title than broker.ae_title.",
        callers=[],
    )
    kind: str
    number: int
    first_at: Time | None
    last_at: Time | None
    last_peer: str
    last_address: str
    last_called_ae: str
    remedy: str = Field(description="what to do")
    callers: list[RefusedCallerDocument]
