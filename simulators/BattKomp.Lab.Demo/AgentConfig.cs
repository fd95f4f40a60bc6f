using System.Text.Json.Nodes;

namespace BattKomp.Lab.Demo;

/// <summary>The demo agent's configuration: it hosts the site's broker, so that PUBACK means "in the journal".</summary>
internal static class AgentConfig
{
    public static string Json(string server, string token, string folder, IReadOnlyList<DemoBench> benches, BenchPlace place, DateTimeOffset origin) => new JsonObject
    {
        ["agent"] = DemoSeed.Agent,
        ["lab_kind"] = "virtual",
        ["token"] = token,
        ["server"] = server,
        ["data_dir"] = folder,
        ["lab_clock"] = new JsonObject { ["lab_origin"] = origin.UtcDateTime.ToString("O"), ["machine_origin"] = origin.UtcDateTime.ToString("O"), ["speed"] = place.Options.Speed },
        ["local_page"] = new JsonObject { ["port"] = place.LocalPort },
        ["broker"] = place.Options.BrokerPort > 0 ? new JsonObject { ["address"] = $"127.0.0.1:{place.BrokerPort}" } : new JsonObject { ["host"] = true, ["port"] = place.BrokerPort },
        ["channels"] = new JsonArray([.. benches.Select(b => Channel(b, place))]),
    }.ToJsonString();

    private static JsonNode Channel(DemoBench bench, BenchPlace place)
    {
        var channel = bench.AgentChannel(place);
        channel["channel"] = bench.Channel;
        channel["protocol"] = bench.Protocol;
        channel["simulated"] = true;
        return channel;
    }
}
