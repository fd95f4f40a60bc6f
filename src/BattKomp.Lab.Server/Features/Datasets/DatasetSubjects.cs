using BattKomp.Lab.Contracts;
using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Domain.Runs;
using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Features.Runs;
using BattKomp.Lab.Server.Platform.Access;
using BattKomp.Lab.V1;
using VisibilityProto = BattKomp.Lab.V1.Visibility;

namespace BattKomp.Lab.Server.Features.Datasets;

/// <summary>What a dataset is made of, with the facts that decide who may make and see it.</summary>
/// <param name="Of">cellTests/…, bookings/… or runs/…</param>
/// <param name="Title">Of the cell test or booking; else the run's name.</param>
/// <param name="Runs">In the order they were made.</param>
/// <param name="CellTest">The cell test, when there is one.</param>
/// <param name="Owner">organisations/… that owns the data.</param>
/// <param name="Visibility">The strictest of the cell test's and the runs'.</param>
public sealed record DatasetSubject(string Of, string Title, IReadOnlyList<RunRow> Runs, CellTest? CellTest, string Owner, VisibilityProto Visibility)
{
    /// <summary>Persons on it.</summary>
    public IReadOnlyList<string> Persons => [.. Runs.Select(r => r.Holder).Where(h => h.Length > 0).Distinct(StringComparer.Ordinal)];

    /// <summary>labs/… of the runs; the first when there are several.</summary>
    public string Lab => Runs.Count > 0 ? Runs[0].Lab : "";

    /// <summary>True when no run can change any more.</summary>
    public bool Final => Runs.All(r => r.Stage is RunStage.Final or RunStage.Missed);
}

/// <summary>Finds the runs behind a name through the public interfaces of the other slices.</summary>
public sealed class DatasetSubjects(RunRegister runs, CellTests.CellTests cellTests, BookingCalendar bookings)
{
    /// <summary>The subject, whoever asks; null when the name is not one or does not exist.</summary>
    public async Task<DatasetSubject?> FindAsync(string of, CancellationToken cancel)
    {
        if (ResourceNames.Is(of, "runs"))
            return await runs.FindAsync(of, cancel) is { } run ? await MadeAsync(of, of, [run], run.CellTest, cancel) : null;
        if (ResourceNames.Is(of, "cellTests"))
            return await cellTests.FindAsync(of, cancel) is { } test ? await MadeAsync(of, test.Title, await runs.OfCellTestAsync(of, cancel), of, cancel) : null;
        if (ResourceNames.Is(of, "bookings") && await bookings.FindAsync(of, cancel) is { } booking)
            return await MadeAsync(of, booking.Message.Title, await runs.OfBookingAsync(of, cancel), booking.Message.CellTest, cancel);
        return null;
    }

    private async Task<DatasetSubject> MadeAsync(string of, string title, IReadOnlyList<RunRow> made, string cellTest, CancellationToken cancel)
    {
        var test = cellTest.Length > 0 ? await cellTests.FindAsync(cellTest, cancel) : null;
        var owner = test?.Owner ?? made.Select(r => r.Owner).FirstOrDefault() ?? "";
        VisibilityProto?[] all = [test?.Visibility, .. made.Select(r => r.Visibility)];
        return new DatasetSubject(of, title.Length > 0 ? title : of, made, test, owner, Strictest(all));
    }

    /// <summary>The one that fewest may see; of two embargoes the later.</summary>
    internal static VisibilityProto Strictest(IEnumerable<VisibilityProto?> all) =>
        all.Where(v => v is not null).OrderByDescending(v => Rank(v!)).ThenByDescending(v => v!.EmbargoUntil?.Seconds ?? 0).FirstOrDefault()
        ?? new VisibilityProto { Kind = V1.VisibilityKind.Open };

    /// <summary>How strict a kind is.</summary>
    internal static int Rank(VisibilityProto visibility) => Visibilities.FromProto(visibility).Kind switch
    {
        Domain.Access.VisibilityKind.Open => 0,
        Domain.Access.VisibilityKind.Embargo => 1,
        Domain.Access.VisibilityKind.Consortium => 2,
        _ => 3,
    };
}
