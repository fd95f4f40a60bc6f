using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.V1;
using Google.Protobuf;

namespace BattKomp.Lab.Server.Features.Procedures;

/// <summary>A stored version: what the wire shows, and who owns it.</summary>
internal sealed record ProcedureRow(Procedure Procedure, string Owner);

/// <summary>Rows of procedures; a row is written once and never changed.</summary>
internal static class ProcedureStore
{
    internal static async Task<ProcedureRow?> FindAsync(CalendarTransaction tx, string name, CancellationToken cancel)
    {
        var rows = await tx.QueryAsync("SELECT doc, owner FROM procedures WHERE name = @n", Map, cancel, ("n", name));
        return rows.SingleOrDefault();
    }

    internal static Task<List<ProcedureRow>> AfterAsync(CalendarTransaction tx, string after, int limit, CancellationToken cancel) =>
        tx.QueryAsync("SELECT doc, owner FROM procedures WHERE name > @a ORDER BY name LIMIT @l", Map, cancel, ("a", after), ("l", limit));

    /// <summary>Every version under one id, oldest first; in PostgreSQL the id is held until the transaction ends.</summary>
    internal static async Task<List<ProcedureRow>> LockVersionsAsync(CalendarTransaction tx, string procedure, CancellationToken cancel)
    {
        if (tx.Dialect == "postgres")
            await tx.ExecuteAsync("SELECT pg_advisory_xact_lock(hashtextextended(@k, 8))", cancel, ("k", procedure));
        return await tx.QueryAsync("SELECT doc, owner FROM procedures WHERE procedure = @p ORDER BY version", Map, cancel, ("p", procedure));
    }

    internal static Task InsertAsync(CalendarTransaction tx, string procedure, int version, ProcedureRow row, long nowUs, CancellationToken cancel) => tx.ExecuteAsync(
        "INSERT INTO procedures (name, procedure, version, sha256, author, owner, created_us, doc) VALUES (@n, @p, @v, @h, @a, @o, @t, @d)", cancel,
        ("n", row.Procedure.Name), ("p", procedure), ("v", (long)version), ("h", row.Procedure.Sha256), ("a", row.Procedure.Author), ("o", row.Owner),
        ("t", nowUs), ("d", row.Procedure.ToByteArray()));

    private static ProcedureRow Map(System.Data.Common.DbDataReader row) =>
        new(Procedure.Parser.ParseFrom(row.GetFieldValue<byte[]>(0)), row.GetString(1));
}
