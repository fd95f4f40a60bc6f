using System.Text.Json;

namespace BattKomp.Lab.Demo;

/// <summary>The demo agent's configuration: it hosts the site's broker, so that PUBACK means "in the journal".</summary>
internal static class AgentConfig
{
    public static string Json(string server, string token, string folder, int brokerPort, string serialPath, DateTimeOffset origin, double speed) => JsonSerializer.Serialize(new
    {
        agent = DemoSeed.Agent,
        token,
        server,
        data_dir = folder,
        lab_clock = new { lab_origin = origin.UtcDateTime.ToString("O"), machine_origin = origin.UtcDateTime.ToString("O"), speed },
        broker = new { host = true, port = brokerPort },
        channels = new object[]
        {
            new { channel = DemoSeed.CyclerChannel, protocol = "mqtt-json", simulated = true, mapping = new { instrument = DemoSeed.CyclerId } },
            new { channel = DemoSeed.EbcChannel, protocol = "ebc-a20", simulated = true, device = serialPath },
        },
    });
}
