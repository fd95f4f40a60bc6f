using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Domain.Runs;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Access;
using BattKomp.Lab.Server.Platform.Database;
using Google.Protobuf;
using VisibilityProto = BattKomp.Lab.V1.Visibility;

namespace BattKomp.Lab.Server.Features.Runs;

/// <summary>A run as stored; instants in microseconds of machine time.</summary>
public sealed record RunRow
{
    /// <summary>runs/{run}</summary>
    public required string Name { get; init; }

    /// <summary>rigs/…/channels/…</summary>
    public required string Channel { get; init; }

    /// <summary>labs/… it happens in.</summary>
    public required string Lab { get; init; }

    /// <summary>agents/… that serves the channel.</summary>
    public required string Agent { get; init; }

    /// <summary>bookings/…, or empty.</summary>
    public string Booking { get; init; } = "";

    /// <summary>leases/…, or empty.</summary>
    public string Lease { get; init; } = "";

    /// <summary>cellTests/…, or empty.</summary>
    public string CellTest { get; init; } = "";

    /// <summary>persons/… who booked it, or empty.</summary>
    public string Holder { get; init; } = "";

    /// <summary>organisations/… that owns what comes out of it.</summary>
    public required string Owner { get; init; }

    /// <summary>The booking's.</summary>
    public required VisibilityProto Visibility { get; init; }

    /// <summary>Where it stands.</summary>
    public RunStage Stage { get; init; }

    /// <summary>When the lease was issued, or the first stream opened.</summary>
    public long CreatedUs { get; init; }

    /// <summary>First sign of the instrument.</summary>
    public long? StartUs { get; init; }

    /// <summary>When it ended.</summary>
    public long? EndUs { get; init; }

    /// <summary>Why it ended.</summary>
    public string EndReason { get; init; } = "";

    /// <summary>procedures/…/versions/… as leased, or empty.</summary>
    public string Procedure { get; init; } = "";

    /// <summary>Its hash as leased, or empty.</summary>
    public string ProcedureSha256 { get; init; } = "";

    /// <summary>calibrations/… in force at its start.</summary>
    public IReadOnlyList<string> Calibrations { get; init; } = [];

    /// <summary>no_lease, outside_lease, after_lease, simulated, unclosed_stream, gaps, late_records.</summary>
    public IReadOnlyList<string> Flags { get; init; } = [];

    /// <summary>Where in the procedure the agent says it is.</summary>
    public string Position { get; init; } = "";

    /// <summary>Data records as last reported by ingest; exact when final.</summary>
    public long Records { get; init; }

    /// <summary>What the view decision needs.</summary>
    public Viewable Viewable => new(Visibilities.FromProto(Visibility), Owner, Holder.Length > 0 ? [Holder] : [], Lab);
}

/// <summary>Rows of runs.</summary>
internal static class RunStore
{
    private const string Columns =
        "name, channel, lab, agent, booking, lease, cell_test, holder, owner, visibility, state, created_us, start_us, end_us, end_reason, procedure, procedure_sha256, " +
        "calibrations, flags, position, records";

    internal static Task InsertAsync(CalendarTransaction tx, RunRow r, CancellationToken cancel) => tx.ExecuteAsync(
        $"INSERT INTO runs ({Columns}, rig) VALUES (@name, @channel, @lab, @agent, @booking, @lease, @cell, @holder, @owner, @vis, @state, @created, @start, @end, @why, @proc, @hash, " +
        "@cal, @flags, @pos, @records, @rig)", cancel,
        ("name", r.Name), ("channel", r.Channel), ("lab", r.Lab), ("agent", r.Agent), ("booking", r.Booking), ("lease", r.Lease), ("cell", r.CellTest), ("holder", r.Holder),
        ("owner", r.Owner), ("vis", r.Visibility.ToByteArray()), ("state", StateOf(r.Stage)), ("created", r.CreatedUs), ("start", r.StartUs), ("end", r.EndUs), ("why", r.EndReason),
        ("proc", r.Procedure), ("hash", r.ProcedureSha256), ("cal", Join(r.Calibrations)), ("flags", Join(r.Flags)), ("pos", r.Position), ("records", r.Records),
        ("rig", Contracts.ResourceNames.RigOf(r.Channel)));

    /// <summary>The run; inside a PostgreSQL transaction its row is held until the end, so that what is read is what is changed.</summary>
    internal static async Task<RunRow?> FindAsync(CalendarTransaction tx, string name, CancellationToken cancel)
    {
        var hold = tx is { Dialect: "postgres", Transaction: not null } ? " FOR UPDATE" : "";
        return (await tx.QueryAsync($"SELECT {Columns} FROM runs WHERE name = @v{hold}", Map, cancel, ("v", name))).SingleOrDefault();
    }

    internal static Task<List<RunRow>> WhereAsync(CalendarTransaction tx, string condition, string value, CancellationToken cancel) =>
        tx.QueryAsync($"SELECT {Columns} FROM runs WHERE {condition} ORDER BY name", Map, cancel, ("v", value));

    internal static Task<List<RunRow>> InStageAsync(CalendarTransaction tx, RunStage stage, CancellationToken cancel) => stage is RunStage.Final or RunStage.Missed
        ? throw new ArgumentOutOfRangeException(nameof(stage), "Only unfinished runs are few enough to list.")
        : WhereAsync(tx, "state = @v AND state <> 'FINAL' AND state <> 'MISSED'", StateOf(stage), cancel);

    /// <summary>A page by name; the condition comes from this slice only, never from outside.</summary>
    internal static Task<List<RunRow>> AfterAsync(CalendarTransaction tx, string condition, string of, bool activeOnly, string after, int limit, CancellationToken cancel)
    {
        var active = activeOnly ? " AND state <> 'FINAL' AND state <> 'MISSED'" : "";
        return tx.QueryAsync($"SELECT {Columns} FROM runs WHERE {condition}{active} AND name > @a ORDER BY name LIMIT @l", Map, cancel, ("v", of), ("a", after), ("l", limit));
    }

    /// <summary>Writes what moves in a run; false when its stage is no longer <paramref name="from"/>.</summary>
    internal static async Task<bool> UpdateAsync(CalendarTransaction tx, RunRow r, RunStage from, CancellationToken cancel) => await tx.ExecuteAsync(
        "UPDATE runs SET state = @to, start_us = @start, end_us = @end, end_reason = @why, calibrations = @cal, flags = @flags, position = @pos " +
        "WHERE name = @n AND state = @from", cancel,
        ("to", StateOf(r.Stage)), ("start", r.StartUs), ("end", r.EndUs), ("why", r.EndReason), ("cal", Join(r.Calibrations)), ("flags", Join(r.Flags)),
        ("pos", r.Position), ("n", r.Name), ("from", StateOf(from))) == 1;

    /// <summary>Adds to the count of records of a run. A run that was final is so no longer in its archive: see <see cref="LateAsync"/>.</summary>
    internal static Task CountAsync(CalendarTransaction tx, string run, long records, CancellationToken cancel) =>
        tx.ExecuteAsync("UPDATE runs SET records = records + @c, final_us = NULL WHERE name = @n", cancel, ("c", records), ("n", run));

    /// <summary>Final runs that records came for afterwards and that no segment covers yet.</summary>
    internal static Task<List<RunRow>> LateAsync(CalendarTransaction tx, CancellationToken cancel) =>
        tx.QueryAsync($"SELECT {Columns} FROM runs WHERE state = 'FINAL' AND final_us IS NULL ORDER BY name", Map, cancel);

    /// <summary>Keeps the exact count and the moment of a run that has just become final.</summary>
    internal static Task SetFinalAsync(CalendarTransaction tx, string run, long records, long nowUs, CancellationToken cancel) =>
        tx.ExecuteAsync("UPDATE runs SET records = @c, final_us = @t WHERE name = @n", cancel, ("c", records), ("t", nowUs), ("n", run));

    internal static string StateOf(RunStage stage) => stage switch
    {
        RunStage.Running => "RUNNING_NOW",
        _ => stage.ToString().ToUpperInvariant(),
    };

    private static RunStage StageOf(string state) => state == "RUNNING_NOW" ? RunStage.Running : Enum.Parse<RunStage>(state, ignoreCase: true);

    private static string Join(IEnumerable<string> items) => string.Join(',', items);

    private static string[] Split(string items) => items.Length == 0 ? [] : items.Split(',');

    private static RunRow Map(System.Data.Common.DbDataReader row) => new()
    {
        Name = row.GetString(0),
        Channel = row.GetString(1),
        Lab = row.GetString(2),
        Agent = row.GetString(3),
        Booking = row.GetString(4),
        Lease = row.GetString(5),
        CellTest = row.GetString(6),
        Holder = row.GetString(7),
        Owner = row.GetString(8),
        Visibility = VisibilityProto.Parser.ParseFrom(row.GetFieldValue<byte[]>(9)),
        Stage = StageOf(row.GetString(10)),
        CreatedUs = row.GetInt64(11),
        StartUs = row.IsDBNull(12) ? null : row.GetInt64(12),
        EndUs = row.IsDBNull(13) ? null : row.GetInt64(13),
        EndReason = row.GetString(14),
        Procedure = row.GetString(15),
        ProcedureSha256 = row.GetString(16),
        Calibrations = Split(row.GetString(17)),
        Flags = Split(row.GetString(18)),
        Position = row.GetString(19),
        Records = row.GetInt64(20),
    };
}
