using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.Server.Features.Datasets;

/// <summary>Refusals of this slice.</summary>
internal static class DatasetErrors
{
    internal static LabException NoRecords(string of) =>
        new(Reason.WrongState, $"'{of}' has no stored records yet. Wait until its run has started, then try again.") { Metadata = { ["name"] = of, ["state"] = "without records", ["allowed"] = "with stored records" } };

    internal static LabException SegmentGone(string segment) =>
        new(Reason.DataGone, $"'{segment}' is missing or does not match its hash. Restore the file from a backup of the data folder.") { Metadata = { ["name"] = segment } };

    internal static LabException OffsetOutside(long offset, long bytes) =>
        LabErrors.FieldsInvalid([("offset", $"is {offset}; the file has {bytes} bytes.")]);
}
