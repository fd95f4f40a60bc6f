using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.V1;
using Google.Protobuf;

namespace BattKomp.Lab.Server.Features.CellTests;

/// <summary>A stored cell test and who created it.</summary>
internal sealed record CellTestRow(CellTest CellTest, string Creator);

/// <summary>Rows of cell tests.</summary>
internal static class CellTestStore
{
    internal static async Task<CellTestRow?> FindAsync(CalendarTransaction tx, string name, CancellationToken cancel) =>
        (await tx.QueryAsync("SELECT doc, creator FROM cell_tests WHERE name = @n", Map, cancel, ("n", name))).SingleOrDefault();

    internal static Task<List<CellTestRow>> AfterAsync(CalendarTransaction tx, string after, int limit, CancellationToken cancel) =>
        tx.QueryAsync("SELECT doc, creator FROM cell_tests WHERE name > @a ORDER BY name LIMIT @l", Map, cancel, ("a", after), ("l", limit));

    /// <summary>False when the name is taken.</summary>
    internal static async Task<bool> TryInsertAsync(CalendarTransaction tx, CellTestRow row, long nowUs, CancellationToken cancel) => await tx.ExecuteAsync(
        "INSERT INTO cell_tests (name, test_object, procedure, owner, project, creator, created_us, doc) VALUES (@n, @o, @p, @w, @j, @c, @t, @d) ON CONFLICT (name) DO NOTHING", cancel,
        ("n", row.CellTest.Name), ("o", row.CellTest.TestObject), ("p", row.CellTest.Procedure), ("w", row.CellTest.Owner), ("j", row.CellTest.Project),
        ("c", row.Creator), ("t", nowUs), ("d", row.CellTest.ToByteArray())) == 1;

    private static CellTestRow Map(System.Data.Common.DbDataReader row) => new(CellTest.Parser.ParseFrom(row.GetFieldValue<byte[]>(0)), row.GetString(1));
}
