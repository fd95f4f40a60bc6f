using System.Data.Common;
using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Database;
using Google.Protobuf;
using NodaTime;
using Shown = BattKomp.Lab.V1.RiskAssessment;

namespace BattKomp.Lab.Server.Features.RiskAssessments;

/// <summary>A risk assessment as stored.</summary>
/// <param name="Made">As made; never changed.</param>
/// <param name="CreatedUs">When.</param>
/// <param name="WithdrawnUs">When it was withdrawn; null = it was not.</param>
/// <param name="WithdrawnBy">persons/…; empty = not withdrawn.</param>
/// <param name="WithdrawReason">Why; empty = not withdrawn.</param>
internal sealed record RiskAssessmentRow(Shown Made, long CreatedUs, long? WithdrawnUs, string WithdrawnBy, string WithdrawReason)
{
    /// <summary>As the rules know it.</summary>
    internal Domain.Bookings.RiskAssessment Known => new(Made.Rig, Made.TestObject, Made.Procedure, BookingTimes.Instant(Made.ValidFrom), BookingTimes.Instant(Made.ValidUntil));

    /// <summary>As people see it.</summary>
    internal Shown Seen(Instant now)
    {
        var (seen, known) = (Made.Clone(), Known);
        seen.State = WithdrawnUs is not null ? Shown.Types.State.Withdrawn
            : known.ValidUntil <= now ? Shown.Types.State.Over
            : known.ValidFrom > now ? Shown.Types.State.NotYet : Shown.Types.State.Valid;
        (seen.CreateTime, seen.WithdrawTime, seen.WithdrawnBy, seen.WithdrawReason) = (Timestamps.FromMicros(CreatedUs), Timestamps.FromMicros(WithdrawnUs), WithdrawnBy, WithdrawReason);
        return seen;
    }
}

/// <summary>Rows of risk assessments.</summary>
internal static class RiskAssessmentStore
{
    private const string Columns = "doc, created_us, withdrawn_us, withdrawn_by, withdraw_reason";

    internal static Task InsertAsync(CalendarTransaction tx, RiskAssessmentRow row, CancellationToken cancel) => tx.ExecuteAsync(
        "INSERT INTO risk_assessments (name, rig, lab, until_us, doc, created_us) VALUES (@n, @r, @l, @u, @d, @t)", cancel,
        ("n", row.Made.Name), ("r", row.Made.Rig), ("l", row.Made.Lab), ("u", row.Made.ValidUntil.ToMicros()), ("d", row.Made.ToByteArray()), ("t", row.CreatedUs));

    /// <summary>The row; inside a PostgreSQL transaction it is held until the end.</summary>
    internal static async Task<RiskAssessmentRow?> FindAsync(CalendarTransaction tx, string name, CancellationToken cancel)
    {
        var hold = tx is { Dialect: "postgres", Transaction: not null } ? " FOR UPDATE" : "";
        return (await tx.QueryAsync($"SELECT {Columns} FROM risk_assessments WHERE name = @n{hold}", Map, cancel, ("n", name))).SingleOrDefault();
    }

    /// <summary>What of a rig is not withdrawn and not over.</summary>
    internal static Task<List<RiskAssessmentRow>> InSightAsync(CalendarTransaction tx, string rig, long nowUs, CancellationToken cancel) => tx.QueryAsync(
        $"SELECT {Columns} FROM risk_assessments WHERE rig = @r AND until_us > @t AND withdrawn_us IS NULL ORDER BY name", Map, cancel, ("r", rig), ("t", nowUs));

    /// <summary>A page by name; the condition comes from this slice only, never from outside.</summary>
    internal static Task<List<RiskAssessmentRow>> AfterAsync(CalendarTransaction tx, string condition, string value, string after, int limit, CancellationToken cancel) => tx.QueryAsync(
        $"SELECT {Columns} FROM risk_assessments WHERE {condition} AND name > @a ORDER BY name LIMIT @k", Map, cancel, ("v", value), ("a", after), ("k", limit));

    internal static Task WithdrawAsync(CalendarTransaction tx, string name, long nowUs, string by, string reason, CancellationToken cancel) => tx.ExecuteAsync(
        "UPDATE risk_assessments SET withdrawn_us = @t, withdrawn_by = @b, withdraw_reason = @r WHERE name = @n AND withdrawn_us IS NULL", cancel,
        ("t", nowUs), ("b", by), ("r", reason), ("n", name));

    private static RiskAssessmentRow Map(DbDataReader r) => new(Shown.Parser.ParseFrom(r.GetFieldValue<byte[]>(0)), r.GetInt64(1), r.IsDBNull(2) ? null : r.GetInt64(2), r.GetString(3), r.GetString(4));
}
