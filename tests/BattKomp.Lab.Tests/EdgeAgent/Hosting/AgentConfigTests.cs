using BattKomp.Lab.EdgeAgent.Hosting;
using BattKomp.Lab.EdgeAgent.Instruments.MqttJson;
using BattKomp.Lab.EdgeAgent.Transports;
using Xunit;

namespace BattKomp.Lab.Tests.EdgeAgent.Hosting;

public class AgentConfigTests
{
    [Fact]
    public void All_mistakes_are_told_at_once_each_with_its_line_path_and_remedy()
    {
        var mistakes = Assert.Throws<ConfigException>(() => AgentConfigReader.Parse("""
            {
              "agent": "edge-1", "server": "localhost", "colour": "red",
              "lab_clock": { "lab_origin": "soon", "machine_origin": "2026-11-23T18:00:00Z", "speed": 0.5 },
              "channels": [
                { "channel": "rigs/a/channels/1", "protocol": "ebc" },
                { "channel": "rigs/a/channels/2", "protocol": "ebc-a20", "parity": "mark-ish" },
                { "channel": "rigs/a/channels/1", "protocol": "mqtt-json", "limits": { "max_volt": -1 } }
              ]
            }
            """)).Mistakes;
        foreach (var path in (string[])["$.agent:", "$.token:", "$.server:", "$.data_dir:", "$.colour:", "$.lab_clock.lab_origin:", "$.lab_clock.speed:",
            "$.channels[0].protocol:", "$.channels[1].device:", "$.channels[1].parity:", "$.channels[2].limits.max_volt:", "$.channels[2].mapping:", "$.channels:", "$.broker:"])
            Assert.Contains(mistakes, m => m.Path + ":" == path);
        Assert.Equal(14, mistakes.Count);
        foreach (var (path, line) in new[] { ("$.agent", 2), ("$.token", 1), ("$.lab_clock.speed", 3), ("$.channels[0].protocol", 5), ("$.channels[1].device", 6), ("$.channels[2].limits.max_volt", 7) })
            Assert.Equal(line, mistakes.Single(m => m.Path == path).Line);
    }

    [Fact]
    public void A_sound_configuration_is_read_with_its_defaults()
    {
        var config = AgentConfigReader.Parse("""
            {
              "agent": "agents/e1", "token": "t", "server": "http://127.0.0.1:5001", "data_dir": "d",
              "broker": { "host": true, "port": 1999 }, // the agent's own
              "lab_kind": "virtual",
              "channels": [ { "channel": "rigs/a/channels/1", "protocol": "mqtt-json", "simulated": true, "mapping": { "instrument": "SIM-1" } }, ],
            }
            """);
        Assert.Equal(1999, config.HostBrokerPort);
        Assert.Equal(1, config.LabClock.Speed);
        Assert.Equal("lab/SIM-1/records", ((JsonMapping)config.Channels[0].Settings!).RecordsTopic);
        Assert.Equal("device_counter", ((JsonMapping)config.Channels[0].Settings!).Columns[^1]);
    }

    [Theory]
    [InlineData(8, "", LineTransport.Ports)]
    [InlineData(9, "", LineTransport.Poll)]
    [InlineData(9, "\"transport\":\"ports\",", LineTransport.Ports)]
    [InlineData(1, "\"transport\":\"poll\",", LineTransport.Poll)]
    public void Many_serial_lines_share_one_poll_thread_unless_set_otherwise_and_sockets_do_not_count(int serial, string setting, LineTransport expected)
    {
        var channels = Enumerable.Range(0, serial + 1).Select(k =>
            $$"""{ "channel": "rigs/a/channels/{{k}}", "protocol": "ebc-a20", "device": "{{(k == serial ? "tcp://10.0.0.7:10001" : $"/dev/ttyUSB{k}")}}" }""");
        var config = AgentConfigReader.Parse($$"""
            { "agent": "agents/e1", "token": "t", "server": "http://127.0.0.1:5001", "data_dir": "d", {{setting}} "channels": [ {{string.Join(", ", channels)}} ] }
            """);
        Assert.All(config.Channels, c => Assert.Equal(expected, c.Transport));
    }

    [Theory]
    [InlineData("\"token\": \"t\", \"key_file\": \"k\"", "$.key_file:")]
    [InlineData("\"token\": \"t\", \"enrolment_token\": \"e\"", "$.enrolment_token:")]
    public void An_agent_has_either_a_token_or_a_key(string fields, string path)
    {
        var text = "{ \"agent\": \"agents/e1\", \"server\": \"http://127.0.0.1:5001\", \"data_dir\": \"d\", FIELDS, \"channels\": [] }".Replace("FIELDS", fields, StringComparison.Ordinal);
        Assert.Contains(Assert.Throws<ConfigException>(() => AgentConfigReader.Parse(text)).Mistakes, m => m.ToString().Contains(path, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("nope")]
    [InlineData("[]")]
    public void What_is_no_configuration_is_refused(string text) => Assert.Throws<ConfigException>(() => AgentConfigReader.Parse(text));
}
