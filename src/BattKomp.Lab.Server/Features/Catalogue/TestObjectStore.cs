using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.V1;
using Google.Protobuf;

namespace BattKomp.Lab.Server.Features.Catalogue;

/// <summary>Rows of test objects.</summary>
internal static class TestObjectStore
{
    private static readonly JsonParser Parser = new(JsonParser.Settings.Default.WithIgnoreUnknownFields(true));

    internal static Task UpsertAsync(CalendarTransaction tx, TestObject o, string by, long nowUs, CancellationToken cancel) => tx.ExecuteAsync(
        "INSERT INTO test_objects (name, owner, custody, hazard_class, transport_status, derived_from, created_by, created_us, doc) " +
        "VALUES (@name, @owner, @custody, @hazard, @transport, @derived, @by, @now, @doc) ON CONFLICT (name) DO UPDATE SET " +
        "owner = excluded.owner, custody = excluded.custody, hazard_class = excluded.hazard_class, transport_status = excluded.transport_status, " +
        "derived_from = excluded.derived_from, doc = excluded.doc", cancel,
        ("name", o.Name), ("owner", o.Owner), ("custody", o.Custody), ("hazard", o.HazardClass), ("transport", o.TransportStatus),
        ("derived", o.DerivedFrom), ("by", by), ("now", nowUs), ("doc", o.ToString()));

    internal static async Task<(TestObject Object, string By)?> FindAsync(CalendarTransaction tx, string name, CancellationToken cancel)
    {
        var rows = await tx.QueryAsync("SELECT doc, created_by FROM test_objects WHERE name = @n", Map, cancel, ("n", name));
        return rows.Count == 0 ? null : rows[0];
    }

    internal static Task<List<(TestObject Object, string By)>> AfterAsync(CalendarTransaction tx, string after, int limit, CancellationToken cancel) =>
        tx.QueryAsync("SELECT doc, created_by FROM test_objects WHERE name > @a ORDER BY name LIMIT @l", Map, cancel, ("a", after), ("l", limit));

    private static (TestObject, string) Map(System.Data.Common.DbDataReader row) => (Parser.Parse<TestObject>(row.GetString(0)), row.GetString(1));
}
