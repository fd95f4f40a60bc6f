using System.Data.Common;
using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Server.Platform.Access;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.V1;
using Google.Protobuf;

namespace BattKomp.Lab.Server.Features.Datasets;

/// <summary>A stored version with what decides who sees it.</summary>
internal sealed record DatasetRow(string Id, int Version, string ContentKey, string Owner, IReadOnlyList<string> Persons, string Lab, Dataset Dataset)
{
    public Viewable Viewable => new(Visibilities.FromProto(Dataset.Visibility), Owner, Persons, Lab);
}

/// <summary>Rows of dataset versions.</summary>
internal static class DatasetStore
{
    private const string Columns = "dataset, version, content_key, owner, persons, lab, visibility, state, doc";
    private const string Latest = "version = (SELECT max(l.version) FROM dataset_versions l WHERE l.dataset = v.dataset)";

    internal static Task<List<DatasetRow>> VersionsAsync(CalendarTransaction tx, string id, CancellationToken cancel) =>
        tx.QueryAsync($"SELECT {Columns} FROM dataset_versions v WHERE dataset = @d ORDER BY version", Map, cancel, ("d", id));

    /// <summary>Id of the dataset that was made of a thing; null when there is none.</summary>
    internal static async Task<string?> IdOfAsync(CalendarTransaction tx, string of, CancellationToken cancel) =>
        (await tx.QueryAsync("SELECT min(dataset) FROM dataset_versions WHERE of_name = @o", r => r.IsDBNull(0) ? null : r.GetString(0), cancel, ("o", of))).FirstOrDefault();

    internal static Task<List<DatasetRow>> LatestAfterAsync(CalendarTransaction tx, string of, string after, int limit, CancellationToken cancel) =>
        tx.QueryAsync($"SELECT {Columns} FROM dataset_versions v WHERE {Latest} AND dataset > @a AND (@o = '' OR of_name = @o) ORDER BY dataset LIMIT @l", Map, cancel, ("a", after), ("o", of), ("l", limit));

    /// <summary>Adds a version and marks the one before it superseded; false when the number is taken.</summary>
    internal static async Task<bool> AddAsync(CalendarTransaction tx, DatasetRow row, long nowUs, CancellationToken cancel)
    {
        var added = await tx.ExecuteAsync(
            "INSERT INTO dataset_versions (dataset, version, of_name, state, content_key, owner, persons, lab, visibility, created_us, doc) " +
            "VALUES (@d, @v, @o, @s, @k, @w, @p, @l, @i, @t, @m) ON CONFLICT (dataset, version) DO NOTHING", cancel,
            ("d", row.Id), ("v", row.Version), ("o", row.Dataset.Of), ("s", row.Dataset.State.ToString()), ("k", row.ContentKey), ("w", row.Owner), ("p", string.Join(',', row.Persons)),
            ("l", row.Lab), ("i", row.Dataset.Visibility.ToByteArray()), ("t", nowUs), ("m", row.Dataset.ToByteArray()));
        if (added == 0) return false;
        await tx.ExecuteAsync("UPDATE dataset_versions SET state = @s WHERE dataset = @d AND version < @v", cancel, ("s", nameof(DatasetState.Superseded)), ("d", row.Id), ("v", row.Version));
        return true;
    }

    // State and visibility stand in columns, because the files and the rest of a version never change.
    private static DatasetRow Map(DbDataReader r)
    {
        var dataset = Dataset.Parser.ParseFrom(r.GetFieldValue<byte[]>(8));
        dataset.State = Enum.Parse<DatasetState>(r.GetString(7));
        dataset.Visibility = V1.Visibility.Parser.ParseFrom(r.GetFieldValue<byte[]>(6));
        var persons = r.GetString(4);
        return new DatasetRow(r.GetString(0), r.GetInt32(1), r.GetString(2), r.GetString(3), persons.Length == 0 ? [] : persons.Split(','), r.GetString(5), dataset);
    }
}
