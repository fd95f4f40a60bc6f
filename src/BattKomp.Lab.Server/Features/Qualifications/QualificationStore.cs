using System.Data.Common;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Database;
using Google.Protobuf;
using Shown = BattKomp.Lab.V1.Qualification;

namespace BattKomp.Lab.Server.Features.Qualifications;

/// <summary>Rows of qualifications and of what their holders are to be told.</summary>
internal static class QualificationStore
{
    private const string Columns = "doc, created_us, last_use_us, due_us, ended_us, revoked_by, revoke_reason";

    internal static Task InsertAsync(CalendarTransaction tx, QualificationRow row, CancellationToken cancel) => tx.ExecuteAsync(
        "INSERT INTO qualifications (name, person, lab, doc, created_us, due_us) VALUES (@n, @p, @l, @d, @t, @u)", cancel,
        ("n", row.Name), ("p", row.Granted.Person), ("l", row.Granted.Lab), ("d", row.Granted.ToByteArray()), ("t", row.CreatedUs), ("u", row.DueUs));

    /// <summary>The row; inside a PostgreSQL transaction it is held until the end.</summary>
    internal static async Task<QualificationRow?> FindAsync(CalendarTransaction tx, string name, CancellationToken cancel)
    {
        var hold = tx is { Dialect: "postgres", Transaction: not null } ? " FOR UPDATE" : "";
        return (await tx.QueryAsync($"SELECT {Columns} FROM qualifications WHERE name = @n{hold}", Map, cancel, ("n", name))).SingleOrDefault();
    }

    internal static Task<List<QualificationRow>> OfPersonAsync(CalendarTransaction tx, string person, CancellationToken cancel) =>
        tx.QueryAsync($"SELECT {Columns} FROM qualifications WHERE person = @p ORDER BY name", Map, cancel, ("p", person));

    /// <summary>A page by name; empty filters take all.</summary>
    internal static Task<List<QualificationRow>> AfterAsync(CalendarTransaction tx, string person, string lab, string after, int limit, CancellationToken cancel) => tx.QueryAsync(
        $"SELECT {Columns} FROM qualifications WHERE name > @a AND (@p = '' OR person = @p) AND (@l = '' OR lab = @l OR lab = '') ORDER BY name LIMIT @k", Map, cancel,
        ("a", after), ("p", person), ("l", lab), ("k", limit));

    /// <summary>What the clock must look at now, the longest due first.</summary>
    internal static Task<List<string>> DueAsync(CalendarTransaction tx, long nowUs, int limit, CancellationToken cancel) => tx.QueryAsync(
        "SELECT name FROM qualifications WHERE ended_us IS NULL AND due_us <= @t ORDER BY due_us, name LIMIT @k", r => r.GetString(0), cancel, ("t", nowUs), ("k", limit));

    /// <summary>Keeps what a look has found, and when to look next.</summary>
    internal static Task LookedAsync(CalendarTransaction tx, string name, long? lastUseUs, long? dueUs, long? endedUs, CancellationToken cancel) => tx.ExecuteAsync(
        "UPDATE qualifications SET last_use_us = @u, due_us = @d, ended_us = @e WHERE name = @n AND ended_us IS NULL", cancel, ("u", lastUseUs), ("d", dueUs), ("e", endedUs), ("n", name));

    internal static Task RevokeAsync(CalendarTransaction tx, string name, long nowUs, string by, string reason, CancellationToken cancel) => tx.ExecuteAsync(
        "UPDATE qualifications SET ended_us = @t, due_us = NULL, revoked_by = @b, revoke_reason = @r WHERE name = @n AND ended_us IS NULL", cancel,
        ("t", nowUs), ("b", by), ("r", reason), ("n", name));

    /// <summary>Notes what the holder is to be told, once for this end.</summary>
    internal static Task NoticeAsync(CalendarTransaction tx, QualificationRow row, string kind, long lapseUs, long nowUs, CancellationToken cancel) => tx.ExecuteAsync(
        "INSERT INTO qualification_notices (qualification, kind, lapse_us, person, created_us) VALUES (@q, @k, @l, @p, @t) ON CONFLICT (qualification, kind, lapse_us) DO NOTHING", cancel,
        ("q", row.Name), ("k", kind), ("l", lapseUs), ("p", row.Granted.Person), ("t", nowUs));

    internal static async Task<bool> IsPersonAsync(CalendarTransaction tx, string person, CancellationToken cancel) =>
        (await tx.QueryAsync("SELECT name FROM persons WHERE name = @n", r => r.GetString(0), cancel, ("n", person))).Count == 1;

    private static QualificationRow Map(DbDataReader r) => new(
        Shown.Parser.ParseFrom(r.GetFieldValue<byte[]>(0)), r.GetInt64(1), Long(r, 2), Long(r, 3), Long(r, 4), r.GetString(5), r.GetString(6));

    private static long? Long(DbDataReader r, int column) => r.IsDBNull(column) ? null : r.GetInt64(column);
}
