using System.Text.Json;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.V1;
using Google.Protobuf;
using LabProto = BattKomp.Lab.V1.Lab;

namespace BattKomp.Lab.Server.Features.Catalogue;

/// <summary>
/// The catalogue's one public interface for other slices: labs, rigs, channels and code lists as an in-memory snapshot
/// (they change rarely), re-read after every change made here and at most two seconds after another server's.
/// </summary>
public sealed class Catalogue(CalendarDatabase database, TimeProvider time)
{
    private static readonly JsonParser Parser = new(JsonParser.Settings.Default.WithIgnoreUnknownFields(true));
    private static readonly TimeSpan KeepFor = TimeSpan.FromSeconds(2);
    private volatile Kept? _kept;

    private sealed record Kept(long Stamp, CatalogueSnapshot Snapshot, List<string> Text, bool Old = false);

    /// <summary>The catalogue as of at most two seconds ago.</summary>
    public async ValueTask<CatalogueSnapshot> GetAsync(CancellationToken cancel)
    {
        var kept = _kept;
        if (kept is { Old: false } && time.GetElapsedTime(kept.Stamp) < KeepFor) return kept.Snapshot;
        var stamp = time.GetTimestamp();
        var (snapshot, text) = await database.ReadAsync(tx => LoadAsync(tx, kept, cancel), cancel);
        _kept = new Kept(stamp, snapshot, text);
        return snapshot;
    }

    /// <summary>The next read sees every change.</summary>
    public void Forget() => _kept = _kept is { } kept ? kept with { Old = true } : null;

    /// <summary>Locks a rig against new leases and starts (an incident or a stop), or unlocks it with <paramref name="lockedUs"/> null.</summary>
    public async Task SetLockAsync(CalendarTransaction tx, string rig, long? lockedUs, string by, string reason, CancellationToken cancel)
    {
        var rows = await tx.ExecuteAsync("UPDATE rigs SET locked_us = @t, locked_by = @by, lock_reason = @r WHERE name = @n", cancel,
            ("t", lockedUs), ("by", by), ("r", reason), ("n", rig));
        if (rows == 0) throw LabErrors.NotFound(rig);
        Forget();
    }

    /// <summary>True while the rig is locked; read in the transaction of the decision, not from what is kept.</summary>
    public static async Task<bool> IsLockedAsync(CalendarTransaction tx, string rig, CancellationToken cancel) =>
        (await tx.QueryAsync("SELECT name FROM rigs WHERE name = @n AND locked_us IS NOT NULL", r => r.GetString(0), cancel, ("n", rig))).Count == 1;

    /// <summary>Marks a rig as one that must be attended, because an agent says that one of its channels has no guard. True when it was not marked.</summary>
    public static async Task<bool> MarkAttendedAsync(CalendarTransaction tx, string rig, CancellationToken cancel) =>
        await tx.ExecuteAsync("UPDATE rigs SET attended_reported = 1 WHERE name = @n AND attended_reported = 0", cancel, ("n", rig)) == 1;

    // What is the same as before is not parsed again, and the same snapshot keeps what was derived from it: of ten thousand channels a parse takes 0.1 s.
    private static async Task<(CatalogueSnapshot Snapshot, List<string> Text)> LoadAsync(CalendarTransaction tx, Kept? before, CancellationToken cancel)
    {
        var labs = await tx.QueryAsync("SELECT doc FROM labs ORDER BY name", r => r.GetString(0), cancel);
        var closures = await ImportedClosures.AllAsync(tx, cancel);
        var rigs = await tx.QueryAsync("SELECT doc, locked_us, attended_reported FROM rigs ORDER BY name", r => (Doc: r.GetString(0), Locked: !r.IsDBNull(1), Attended: Convert.ToInt64(r.GetValue(2)) != 0), cancel);
        var codes = await tx.QueryAsync("SELECT list, version, code, title_en, title_nb FROM code_lists ORDER BY list, version, place",
            r => (List: r.GetString(0), Version: r.GetString(1), Code: r.GetString(2), En: r.GetString(3), Nb: r.GetString(4)), cancel);
        var organisations = await tx.QueryAsync("SELECT name, title, kind, country, county, parent FROM organisations ORDER BY name",
            r => new OrganisationFacts(r.GetString(0), r.GetString(1), r.GetString(2), r.GetString(3), r.GetString(4), r.GetString(5)), cancel);
        List<string> text =
        [
            .. labs, .. closures.OrderBy(g => g.Key, StringComparer.Ordinal).SelectMany(g => g.Select(c => g.Key + c)), .. rigs.SelectMany(r => new[] { r.Doc, $"{r.Locked} {r.Attended}" }),
            .. codes.Select(c => c.ToString()), .. organisations.Select(o => o.ToString()),
        ];
        if (before is not null && before.Text.SequenceEqual(text)) return (before.Snapshot, before.Text);
        return (new CatalogueSnapshot(labs.ConvertAll(d => Lab(d, closures)), rigs.ConvertAll(r => Rig(r.Doc, r.Locked, r.Attended)), [.. codes.GroupBy(c => (c.List, c.Version)).Select(g =>
        {
            var list = new CodeList { Id = g.Key.List, Version = g.Key.Version };
            list.Codes.AddRange(g.Select(c => new Code { Code_ = c.Code, TitleEn = c.En, TitleNb = c.Nb }));
            return list;
        })], organisations), text);
    }

    private static LabProto Lab(string doc, ILookup<string, Closure> closures)
    {
        var lab = Parser.Parse<LabProto>(doc);
        lab.Closures.AddRange(closures[lab.Name]);
        return lab;
    }

    private static Rig Rig(string doc, bool locked, bool attended)
    {
        var rig = Parser.Parse<Rig>(doc);
        rig.Locked = locked;
        rig.AttendedOnly |= attended;
        return rig;
    }
}

/// <summary>A school, college, university, institute or company.</summary>
/// <param name="Name">organisations/…</param>
/// <param name="Title">For people.</param>
/// <param name="Kind">"school", "university", …</param>
/// <param name="Country">ISO 3166-1 alpha-2.</param>
/// <param name="County">Code of the list "county"; empty = none.</param>
/// <param name="Parent">organisations/… of which it is a unit; empty = none.</param>
public sealed record OrganisationFacts(string Name, string Title, string Kind, string Country, string County, string Parent);

/// <summary>Labs, rigs, channels and code lists at one moment; immutable by agreement: clone before changing a message.</summary>
public sealed class CatalogueSnapshot
{
    private readonly Dictionary<string, LabProto> _labs;
    private readonly Dictionary<string, Rig> _rigs;
    private readonly Dictionary<string, Channel> _channels;
    private readonly Dictionary<string, HashSet<string>> _codes;

    internal CatalogueSnapshot(IReadOnlyList<LabProto> labs, IReadOnlyList<Rig> rigs, IReadOnlyList<CodeList> lists, IReadOnlyList<OrganisationFacts> organisations)
    {
        (Labs, Rigs, CodeLists, Organisations) = (labs, rigs, lists, organisations);
        OrganisationTitles = organisations.ToDictionary(o => o.Name, o => o.Title);
        _labs = labs.ToDictionary(l => l.Name);
        _rigs = rigs.ToDictionary(r => r.Name);
        _channels = rigs.SelectMany(r => r.Channels).ToDictionary(c => c.Name);
        _codes = lists.GroupBy(l => l.Id).ToDictionary(g => g.Key, g => g.SelectMany(l => l.Codes).Select(c => c.Code_).ToHashSet());
    }

    /// <summary>Every lab, by name.</summary>
    public IReadOnlyList<LabProto> Labs { get; }

    /// <summary>Every rig with its channels and instruments, by name.</summary>
    public IReadOnlyList<Rig> Rigs { get; }

    /// <summary>Every code list in every version.</summary>
    public IReadOnlyList<CodeList> CodeLists { get; }

    /// <summary>Every organisation, by name.</summary>
    public IReadOnlyList<OrganisationFacts> Organisations { get; }

    /// <summary>Titles by organisations/… name.</summary>
    public IReadOnlyDictionary<string, string> OrganisationTitles { get; }

    /// <summary>The lab; null when unknown.</summary>
    public LabProto? Lab(string name) => _labs.GetValueOrDefault(name);

    /// <summary>The rig; null when unknown.</summary>
    public Rig? Rig(string name) => _rigs.GetValueOrDefault(name);

    /// <summary>The channel; null when unknown.</summary>
    public Channel? Channel(string name) => _channels.GetValueOrDefault(name);

    /// <summary>The rig of a channel; null when unknown.</summary>
    public Rig? RigOfChannel(string channel) => Rig(Contracts.ResourceNames.RigOf(channel));

    /// <summary>The lab of a rig or channel name; null when unknown.</summary>
    public LabProto? LabOf(string rigOrChannel) => Rig(Contracts.ResourceNames.RigOf(rigOrChannel)) is { } rig ? Lab(rig.Lab) : null;

    /// <summary>The instrument behind a channel; null when unknown.</summary>
    public Instrument? InstrumentOf(Channel channel) => RigOfChannel(channel.Name)?.Instruments.FirstOrDefault(i => i.Name == channel.Instrument);

    /// <summary>True when some version of the list has the code.</summary>
    public bool HasCode(string list, string code) => _codes.TryGetValue(list, out var codes) && codes.Contains(code);

    /// <summary>The codes of a list, for a message that says which are possible.</summary>
    public string CodesOf(string list) => _codes.TryGetValue(list, out var codes) ? string.Join(", ", codes) : "(none)";
}
