using System.Text.Json;

namespace BattKomp.Lab.Demo;

/// <summary>The demo's small country: a virtual lab with a serial tester and an MQTT cycler, and the people who share it.</summary>
internal static class DemoSeed
{
    public const string Lab = "labs/virtual-trondheim";
    public const string Agent = "agents/virtual-trondheim-1";
    public const string CyclerId = "SIM-CYC-1";
    public const string EbcId = "SIM-EBC-1";
    public const string CyclerCell = "testObjects/demo-pouch-1";
    public const string EbcCell = "testObjects/demo-18650-1";

    /// <summary>The seed file's text.</summary>
    public static string Json(IReadOnlyList<Persona> personas, string agentToken, IReadOnlyList<DemoBench> benches) => JsonSerializer.Serialize(new
    {
        organisations = new[]
        {
            Organisation("university", "A university", "university", "50"), Organisation("school", "An upper secondary school", "school", "50"),
            Organisation("company", "A cell maker", "company", "42"), Organisation("directorate", "A directorate", "authority", "03"),
        },
        persons = personas.Select(p => new
        {
            name = $"persons/{p.Id}",
            displayName = p.Title,
            tokens = new[] { p.Token },
            affiliations = new[] { new { name = $"affiliations/{p.Id}", organisation = $"organisations/{p.Organisation}", role = p.Role, lab = p.Lab } },
        }),
        labs = new[]
        {
            new
            {
                name = Lab, title = "Virtual battery lab, Trondheim", kind = "VIRTUAL", country = "NO", county = "50", timeZone = "Europe/Oslo",
                organisation = "organisations/university",
            },
        },
        rigs = benches.Select(Rig),
        agents = new[] { new { name = Agent, lab = Lab, token = agentToken } },
        testObjects = new[] { Cell(CyclerCell, "Pouch cell, 0.33 Ah", "pouch", 0.33), Cell(EbcCell, "18650 cell, 2.5 Ah", "18650", 2.5) },
    });

    private static object Organisation(string id, string title, string kind, string county) => new { name = $"organisations/{id}", title, kind, country = "NO", county };

    private static object Cell(string name, string title, string format, double ampereHour) => new
    {
        name,
        title,
        kind = "cell",
        chemistry = "NMC/graphite",
        format,
        nominalAmpereHour = ampereHour,
        nominalWattHour = ampereHour * 3.7,
        condition = "new",
        hazardClass = "h2",
        transportStatus = "un38-3-passed",
        custody = Lab,
        owner = "organisations/university",
    };

    private static object Rig(DemoBench b) => new
    {
        name = $"rigs/{b.Rig}",
        title = b.Title,
        lab = Lab,
        stages = new[] { "cell-making", "operation" },
        rigKind = b.RigKind,
        maxVolt = b.Volt,
        maxWattHour = 100.0,
        hazardClass = "h4",
        benches = 8,
        instruments = new[]
        {
            new
            {
                name = $"rigs/{b.Rig}/instruments/1", model = b.Model, serialNumber = b.Instrument, protocol = b.Protocol, control = b.Control,
                calibrations = new[]
                {
                    Calibration($"{b.Rig}-volt", "voltage_volt", 0, b.Volt, 0.002), Calibration($"{b.Rig}-ampere", "current_ampere", -20, 5, 0.01),
                },
            },
        },
        channels = new[]
        {
            new
            {
                name = b.Channel, title = "Channel 1", instrument = $"rigs/{b.Rig}/instruments/1", agent = Agent,
                limits = new { maxVolt = b.Volt, minVolt = 2.0, maxChargeAmpere = 5.0, maxDischargeAmpere = 10.0, maxWatt = 100.0, maxCelsius = 60.0, minCelsius = 0.0 },
            },
        },
    };

    private static object Calibration(string id, string quantity, double low, double high, double uncertainty) => new
    {
        name = $"calibrations/{id}",
        quantity,
        rangeLow = low,
        rangeHigh = high,
        uncertainty,
        performed = new { year = 2026, month = 3, day = 2 },
        due = new { year = 2027, month = 3, day = 2 },
        // A simulated instrument's certificate is the hash of nothing: it has none.
        certificateSha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    };
}
