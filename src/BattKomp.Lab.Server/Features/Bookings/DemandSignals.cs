using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.Server.Features.Bookings;

/// <summary>
/// Unserved wishes: what was wanted, where, when and why it could not be, with no person, affiliation or organisation in
/// it. Written in a transaction of its own, since the create that was refused left none; signals that come while one is
/// being written share the next transaction, or a rush on one window would wait for a commit each.
/// </summary>
public sealed class DemandSignals(CalendarDatabase database, MachineClock clock) : IDisposable
{
    private const string InsertSql =
        "INSERT INTO demand_signals (id, at_us, kind, resources, labs, start_us, end_us, reasons, activity_class, education_level, stages, headcount) " +
        "VALUES (@id, @at, @kind, @resources, @labs, @start, @end, @reasons, @activity, @education, @stages, @headcount)";

    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _turn = new(1, 1);
    private Batch? _open;

    private sealed class Batch
    {
        internal List<(string, object?)[]> Rows { get; } = [];

        internal TaskCompletionSource Written { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>Keeps the wish behind a refused create or change; done when it is committed.</summary>
    public Task RefusedAsync(Booking wish, IReadOnlyList<string> labs, IEnumerable<string> reasons) => KeepAsync("booking-refused", wish, labs, reasons);

    /// <summary>Keeps a wish of a kind ("booking-refused", "search-empty"); done when it is committed.</summary>
    public async Task KeepAsync(string kind, Booking wish, IReadOnlyList<string> labs, IEnumerable<string> reasons)
    {
        Batch batch;
        bool first;
        lock (_lock)
        {
            first = _open is null;
            batch = _open ??= new Batch();
            batch.Rows.Add(Row(kind, wish, labs, reasons));
        }
        if (first) await WriteAsync(batch);
        await batch.Written.Task;
    }

    /// <summary>Keeps a wish in the caller's transaction: it is there when what it tells of is.</summary>
    public Task AddAsync(CalendarTransaction tx, string kind, Booking wish, IReadOnlyList<string> labs, IEnumerable<string> reasons, CancellationToken cancel) =>
        tx.ExecuteAsync(InsertSql, cancel, Row(kind, wish, labs, reasons));

    /// <inheritdoc/>
    public void Dispose() => _turn.Dispose();

    // Not cancelled by the caller who happens to write: the others' signals are in it too.
    private async Task WriteAsync(Batch batch)
    {
        await _turn.WaitAsync();
        try
        {
            lock (_lock) _open = null;
            await database.WriteAsync(async tx =>
            {
                foreach (var row in batch.Rows)
                    await tx.ExecuteAsync(InsertSql, CancellationToken.None, row);
            }, CancellationToken.None);
            batch.Written.SetResult();
        }
        catch (Exception e)
        {
            batch.Written.SetException(e);
        }
        finally
        {
            _turn.Release();
        }
    }

    private (string, object?)[] Row(string kind, Booking wish, IReadOnlyList<string> labs, IEnumerable<string> reasons) =>
    [
        ("kind", kind),
        ("id", Guid.CreateVersion7().ToString("N")), ("at", Micros.FromInstant(clock.Now)), ("resources", BookingStore.Join(wish.Channels)), ("labs", BookingStore.Join(labs)),
        ("start", Micros.FromInstant(BookingTimes.Instant(wish.Window.Start))), ("end", Micros.FromInstant(BookingTimes.Instant(wish.Window.End))),
        ("reasons", BookingStore.Join(reasons.Distinct())), ("activity", wish.ActivityClass), ("education", wish.EducationLevel),
        ("stages", BookingStore.Join(wish.Stages)), ("headcount", wish.Headcount),
    ];
}
