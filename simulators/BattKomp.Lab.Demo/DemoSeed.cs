using System.Text.Json;

namespace BattKomp.Lab.Demo;

/// <summary>The demo's small country: a virtual lab with a serial tester and an MQTT cycler, and the people who share it.</summary>
internal static class DemoSeed
{
    public const string Lab = "labs/virtual-trondheim";
    public const string Agent = "agents/virtual-trondheim-1";
    public const string CyclerChannel = "rigs/cycler-1/channels/1";
    public const string EbcChannel = "rigs/ebc-1/channels/1";
    public const string CyclerId = "SIM-CYC-1";
    public const string EbcId = "SIM-EBC-1";
    public const string CyclerCell = "testObjects/demo-pouch-1";
    public const string EbcCell = "testObjects/demo-18650-1";

    /// <summary>The seed file's text.</summary>
    public static string Json(IReadOnlyList<Persona> personas, string agentToken) => JsonSerializer.Serialize(new
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
        rigs = new[]
        {
            Rig("cycler-1", "Eight-bench cycler (simulated, MQTT)", "mqtt-json", "START_STOP", CyclerId, "Generic MQTT cycler", CyclerChannel, 5.0),
            Rig("ebc-1", "EBC-A20 tester (simulated, serial)", "ebc-a20", "FULL", EbcId, "ZKETECH EBC-A20", EbcChannel, 4.3),
        },
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

    private static object Rig(string id, string title, string protocol, string control, string serial, string model, string channel, double volt) => new
    {
        name = $"rigs/{id}",
        title,
        lab = Lab,
        stages = new[] { "cell-making", "operation" },
        rigKind = "cell-cycler",
        maxVolt = volt,
        maxWattHour = 100.0,
        hazardClass = "h4",
        benches = 8,
        instruments = new[]
        {
            new
            {
                name = $"rigs/{id}/instruments/1", model, serialNumber = serial, protocol, control,
                calibrations = new[]
                {
                    Calibration($"{id}-volt", "voltage_volt", 0, volt, 0.002), Calibration($"{id}-ampere", "current_ampere", -20, 5, 0.01),
                },
            },
        },
        channels = new[]
        {
            new
            {
                name = channel, title = "Channel 1", instrument = $"rigs/{id}/instruments/1", agent = Agent,
                limits = new { maxVolt = volt, minVolt = 2.0, maxChargeAmpere = 5.0, maxDischargeAmpere = 10.0, maxWatt = 100.0, maxCelsius = 60.0, minCelsius = 0.0 },
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
