using System.Text.Json;
using BattKomp.Lab.Contracts;
using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Server.Features.Procedures;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Access;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.V1;
using Google.Protobuf;
using LabProto = BattKomp.Lab.V1.Lab;

namespace BattKomp.Lab.Server.Features.Catalogue;

/// <summary>
/// Applies the seed file at start: organisations, persons with tokens, labs, rigs, agents, test objects, each upserted by
/// name, nothing ever deleted. Labs, rigs and test objects are written as in the REST API; the rest as in <see cref="SeedFile"/>.
/// </summary>
public sealed class Seed(CalendarDatabase database, Catalogue catalogue, CallerResolver callers, LabOptions options, MachineClock clock)
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { UnmappedMemberHandling = System.Text.Json.Serialization.JsonUnmappedMemberHandling.Disallow };
    private static readonly JsonParser Parser = JsonParser.Default;

    /// <exception cref="InvalidDataException">The seed file is not valid; the message names the place and the remedy.</exception>
    public async Task ApplyAsync(CancellationToken cancel)
    {
        await database.WriteAsync(tx => CodeListsAsync(tx, cancel), cancel);
        if (options.SeedFile.Length > 0)
        {
            var seed = Read(options.SeedFile);
            await database.WriteAsync(tx => ApplyAsync(tx, seed, cancel), cancel);
        }
        catalogue.Forget();
        callers.Forget();
    }

    private static SeedFile Read(string path)
    {
        try
        {
            return JsonSerializer.Deserialize<SeedFile>(File.ReadAllText(path), Json)
                ?? throw new InvalidDataException($"{path} is empty: write a JSON object.");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{path}, line {e.LineNumber + 1}: {e.Message}", e);
        }
    }

    private async Task ApplyAsync(CalendarTransaction tx, SeedFile seed, CancellationToken cancel)
    {
        foreach (var o in seed.Organisations)
            await Upsert(tx, "organisations", cancel, ("name", o.Name), ("title", o.Title), ("kind", o.Kind), ("country", o.Country), ("county", o.County), ("parent", o.Parent));
        foreach (var person in seed.Persons) await PersonAsync(tx, person, cancel);
        foreach (var json in seed.Labs)
        {
            var lab = Parse<LabProto>(json, "labs");
            await Upsert(tx, "labs", cancel, ("name", Checked(lab.Name, "labs")), ("organisation", lab.Organisation), ("kind", lab.Kind.ToString()), ("country", lab.Country), ("doc", lab.ToString()));
        }
        foreach (var json in seed.Rigs) await RigAsync(tx, Parse<Rig>(json, "rigs"), cancel);
        foreach (var agent in seed.Agents)
        {
            await Upsert(tx, "agents", cancel, ("name", Checked(agent.Name, "agents")), ("lab", agent.Lab));
            await TokenAsync(tx, agent.Name, agent.Token, cancel);
        }
        foreach (var json in seed.TestObjects)
            await TestObjectStore.UpsertAsync(tx, Parse<TestObject>(json, "testObjects"), "seed", Micros.FromInstant(clock.Now), cancel);
    }

    private async Task PersonAsync(CalendarTransaction tx, SeedPerson person, CancellationToken cancel)
    {
        await Upsert(tx, "persons", cancel, ("name", Checked(person.Name, "persons")), ("display_name", person.DisplayName), ("emails", Emails(person)));
        foreach (var a in person.Affiliations)
        {
            if (!Roles.All.Contains(a.Role))
                throw new InvalidDataException($"{a.Name}: role '{a.Role}' is unknown; use one of {string.Join(", ", Roles.All)}.");
            await Upsert(tx, "affiliations", cancel, ("name", Checked(a.Name, "affiliations")), ("person", person.Name), ("organisation", a.Organisation),
                ("role", a.Role), ("lab", a.Lab), ("from_us", 0L), ("sponsor", ""));
        }
        foreach (var token in person.Tokens) await TokenAsync(tx, person.Name, token, cancel);
    }

    private static string Emails(SeedPerson person)
    {
        foreach (var address in person.Emails ?? [])
            if (address.Contains(',') || !MimeKit.MailboxAddress.TryParse(address, out var parsed) || parsed.Address != address)
                throw new InvalidDataException($"{person.Name}: '{address}' is not a mail address; write one like kari@example.no.");
        return string.Join(',', person.Emails ?? []);
    }

    private static async Task RigAsync(CalendarTransaction tx, Rig rig, CancellationToken cancel)
    {
        var checks = new FieldChecks();
        AlarmChecks.Check(checks, rig.Alarms, "alarms");
        if (rig.QualificationRequired is { } need)
            checks.Require(Enum.IsDefined(need.Level) && need.Level != QualificationLevel.Unspecified, "qualificationRequired.level", "is missing; use SUPERVISED_USER, INDEPENDENT_USER or INSTRUCTOR.")
                .Require(need.SupervisedRuns >= 0, "qualificationRequired.supervisedRuns", "is negative.");
        if (checks.Mistakes is { Count: > 0 } mistakes) throw new InvalidDataException($"seed file, {rig.Name}: {string.Join(" ", mistakes)}");
        await Upsert(tx, "rigs", cancel, ("name", Checked(rig.Name, "rigs")), ("lab", rig.Lab), ("hazard_class", rig.HazardClass), ("doc", rig.ToString()));
        foreach (var c in rig.Channels)
            await Upsert(tx, "channels", cancel, ("name", c.Name), ("rig", rig.Name), ("instrument", c.Instrument), ("agent", c.Agent));
        foreach (var instrument in rig.Instruments)
            foreach (var c in instrument.Calibrations)
                await Upsert(tx, "calibrations", cancel, ("name", c.Name), ("instrument", instrument.Name), ("quantity", c.Quantity),
                    ("performed", Day(c.Performed)), ("due", Day(c.Due)), ("certificate_sha256", c.CertificateSha256), ("doc", c.ToString()));
    }

    private Task TokenAsync(CalendarTransaction tx, string subject, string token, CancellationToken cancel) =>
        tx.ExecuteAsync("INSERT INTO tokens (token_sha256, subject, created_us) VALUES (@h, @s, @t) ON CONFLICT (token_sha256) DO NOTHING", cancel,
            ("h", CallerResolver.Hash(token)), ("s", subject), ("t", Micros.FromInstant(clock.Now)));

    private static async Task CodeListsAsync(CalendarTransaction tx, CancellationToken cancel)
    {
        using var stream = typeof(Seed).Assembly.GetManifestResourceStream("CodeLists.json")!;
        using var document = await JsonDocument.ParseAsync(stream, default, cancel);
        foreach (var list in document.RootElement.EnumerateArray())
        {
            var place = 0;
            foreach (var code in list.GetProperty("codes").EnumerateArray())
                await tx.ExecuteAsync(
                    "INSERT INTO code_lists (list, version, code, title_en, title_nb, place) VALUES (@l, @v, @c, @en, @nb, @p) ON CONFLICT (list, version, code) DO NOTHING", cancel,
                    ("l", list.GetProperty("id").GetString()), ("v", list.GetProperty("version").GetString()), ("c", code[0].GetString()),
                    ("en", code[1].GetString()), ("nb", code[2].GetString()), ("p", place++));
        }
    }

    // Names of tables and columns come from this file only, never from outside.
    private static Task Upsert(CalendarTransaction tx, string table, CancellationToken cancel, params (string Name, object? Value)[] columns)
    {
        var names = columns.Select(c => c.Name).ToArray();
        return tx.ExecuteAsync(
            $"INSERT INTO {table} ({string.Join(", ", names)}) VALUES ({string.Join(", ", names.Select(n => "@" + n))}) " +
            $"ON CONFLICT (name) DO UPDATE SET {string.Join(", ", names.Skip(1).Select(n => $"{n} = excluded.{n}"))}", cancel, columns);
    }

    private static T Parse<T>(JsonElement json, string where) where T : IMessage, new()
    {
        try
        {
            return Parser.Parse<T>(json.GetRawText());
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new InvalidDataException($"seed file, {where}: {e.Message}", e);
        }
    }

    private static string Checked(string name, string collection) => ResourceNames.Is(name, collection)
        ? name
        : throw new InvalidDataException($"seed file: '{name}' is not a name of the form {collection}/<id> (lower case, digits, hyphens).");

    private static string Day(Google.Type.Date? date) => date is null ? "" : $"{date.Year:D4}-{date.Month:D2}-{date.Day:D2}";
}

/// <summary>The seed file's shape.</summary>
public sealed record SeedFile
{
    /// <summary>Schools, universities, companies.</summary>
    public List<SeedOrganisation> Organisations { get; init; } = [];

    /// <summary>Persons with their tokens and affiliations.</summary>
    public List<SeedPerson> Persons { get; init; } = [];

    /// <summary>Lab messages in protobuf JSON.</summary>
    public List<JsonElement> Labs { get; init; } = [];

    /// <summary>Rig messages in protobuf JSON, channels and instruments inside.</summary>
    public List<JsonElement> Rigs { get; init; } = [];

    /// <summary>Agents with their tokens.</summary>
    public List<SeedAgent> Agents { get; init; } = [];

    /// <summary>TestObject messages in protobuf JSON.</summary>
    public List<JsonElement> TestObjects { get; init; } = [];
}

/// <summary>A school, college, university, institute or company.</summary>
public sealed record SeedOrganisation(string Name, string Title, string Kind, string Country, string County = "", string Parent = "");

/// <summary>A person; tokens are kept only as hashes.</summary>
public sealed record SeedPerson(string Name, string DisplayName, List<string> Tokens, List<SeedAffiliation> Affiliations, List<string>? Emails = null);

/// <summary>A role at an organisation, optionally bound to a lab.</summary>
public sealed record SeedAffiliation(string Name, string Organisation, string Role, string Lab = "");

/// <summary>An edge agent.</summary>
public sealed record SeedAgent(string Name, string Lab, string Token);
